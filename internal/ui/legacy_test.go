package ui_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// imported imports legacy tokens of a workspace, each by its owner's address and its name, that stop in 60 days.
func (s *site) imported(ws string, owners ...string) {
	s.t.Helper()
	var lines []string
	for i := 0; i+1 < len(owners); i += 2 {
		lines = append(lines, fmt.Sprintf(`{"owner":%q,"name":%q,"scopes":["odata:read"],"sha256":"%x"}`, owners[i], owners[i+1], sha256.Sum256([]byte(ws+" "+owners[i+1]))))
	}
	by := s.admin
	by.SignedInAt = s.clock.Now()
	sum, err := s.auth.ImportTokens(s.ctx(), by, ws, authority.Import{Lines: legacy.Read(strings.NewReader(strings.Join(lines, "\n"))), Stops: s.clock.Now().AddDate(0, 0, 60)})
	s.must(err)
	if sum.Imported != len(lines) {
		s.t.Fatalf("imported %+v", sum)
	}
}

// works reports whether a gateway would let a legacy token pass.
func (s *site) works(ws, secret string) bool {
	s.t.Helper()
	_, err := s.checks.Check(s.ctx(), secret, verify.Ask{Workspace: ws})
	return err == nil
}

var legacyRowForm = regexp.MustCompile(`data-testid="legacy-token" data-id="(tok_[0-9a-z]+)"`)

func (b *browser) legacies() []string {
	var out []string
	for _, m := range legacyRowForm.FindAllStringSubmatch(b.page, -1) {
		out = append(out, m[1])
	}
	return out
}

// S4.8: listed apart, marked, and moved to a new token in two clicks, which offers to stop the old one.
func TestS48ALegacyTokenIsMovedToANewOne(t *testing.T) {
	s := newSite(t).populate()
	const email = "dev@example.com"
	for _, c := range []struct {
		ws, list string
		fields   []string
		secret   *regexp.Regexp
	}{
		{"standard", "/tokens", []string{"scopes", "odata:read", "lifetime", "d90"}, secretForm},
		{"oauth-tokens", "/oauth-tokens", []string{"lifetime_days", "90"}, refreshForm},
		{"single-token", "/tokens", nil, secretForm},
	} {
		s.imported(c.ws, email, "Nightly", "member@example.com", "Not mine")
		base := "/workspaces/" + c.ws
		b := s.as(token.Developer)
		b.get(base+c.list).want(200, "Legacy tokens", "Nightly", "Legacy</span>", "They stop on", "Move to a new token").lacks("Not mine")
		checkPage(t, b, "a legacy token in "+c.ws)
		b.get(base+"/legacy-tokens").want(200, "<h1", "Nightly")
		checkPage(t, b, "legacy tokens alone in "+c.ws)
		id := b.legacies()[0]
		b.get(base+"/tokens/"+id+"?from=legacy").want(200, "Nightly", "Legacy</span>", "/revoke?from=legacy", "/delete?from=legacy").lacks("Secret ends in", "Regenerate")
		checkPage(t, b, "a legacy token's page in "+c.ws)
		b.get(base+"/legacy-tokens/"+id+"/move").want(200, "takes the place of a legacy token")
		checkPage(t, b, "the form that moves a legacy token in "+c.ws)
		if c.ws != "single-token" {
			b.want(200, `value="Nightly"`)
		}
		if c.ws == "standard" {
			b.want(200, `value="odata:read" checked`)
		}
		fields := append([]string{"name", "Nightly", "nonce", b.hidden("nonce"), "replaces", b.hidden("replaces")}, c.fields...)
		if c.ws == "single-token" {
			fields = fields[2:]
		}
		b.post(base+c.list+"/new", fields...).want(200, "Put the new secret into the program that uses “Nightly”", "Stop the old token")
		b.shown(c.secret)
		checkPage(t, b, "the new token beside the old one in "+c.ws)
		if !s.works(c.ws, c.ws+" Nightly") {
			t.Errorf("%s: moving stopped the old one", c.ws)
		}
		b.get(base+"/tokens/"+id+"/revoke?from=legacy").want(200, "Revoke “Nightly”")
		checkPage(t, b, "before stopping a legacy token in "+c.ws)
		b.post(base+"/tokens/"+id+"/revoke?from=legacy").want(200, "The token is revoked", "Nightly").lacks("/move\"")
		if s.works(c.ws, c.ws+" Nightly") {
			t.Errorf("%s: a revoked one works", c.ws)
		}
		b.post(base+"/tokens/"+id+"/delete?from=legacy").want(200, "The token is deleted").lacks("Legacy tokens")
		b.get(base+"/legacy-tokens").want(200, "No legacy tokens")
	}
}

// What somebody else's form says is not believed.
func TestALegacyTokenOfSomebodyElseIsNotMoved(t *testing.T) {
	s := newSite(t).populate()
	s.imported("standard", "member@example.com", "Not mine")
	m := s.as(token.PlainMember)
	id := m.get("/workspaces/standard/legacy-tokens").legacies()[0]
	b := s.as(token.Developer)
	for _, path := range []string{"/legacy-tokens/" + id + "/move", "/tokens/" + id + "?from=legacy", "/tokens/" + id + "/revoke?from=legacy"} {
		if b.get("/workspaces/standard" + path); b.status != 403 && b.status != 404 {
			t.Errorf("%s answers %d", path, b.status)
		}
	}
	b.get("/workspaces/standard/tokens/new?replaces=" + id).want(200)
	b.post("/workspaces/standard/tokens/new", "nonce", b.hidden("nonce"), "replaces", id, "name", "Mine", "scopes", "odata:read", "lifetime", "d90").want(200).lacks("Not mine", "Stop the old token")
	b.secret()
	if !s.works("standard", "standard Not mine") {
		t.Error("it was stopped")
	}
	// Who has one token already, as many as they may, is told so.
	s.imported("single-token", "member@example.com", "Old one")
	s.make(s.people[token.PlainMember], "single-token", token.Request{})
	m.get("/workspaces/single-token/tokens").want(200, "Old one", "You already have a token").lacks("Move to a new token")
	m.get("/workspaces/single-token/legacy-tokens/"+m.legacies()[0]+"/move").want(409, "You already have a token")
}

// upload sends a form with a file, as a browser does without the script.
func (b *browser) upload(path, file string, fields ...string) *browser {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		b.must(w.WriteField(fields[i], fields[i+1]))
	}
	if file != "" {
		p, err := w.CreateFormFile("file", "old.csv")
		b.must(err)
		_, err = io.WriteString(p, file)
		b.must(err)
	}
	b.must(w.Close())
	req, err := http.NewRequestWithContext(b.ctx(), http.MethodPost, b.url+path, &body)
	b.must(err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

// S4.8: an administrator checks a file, imports it, sees who still uses one, and says when all of them stop.
func TestS48AnAdministratorImportsAFileAndSaysWhenItsTokensStop(t *testing.T) {
	s := newSite(t).populate()
	const page = "/workspaces/oauth-tokens/admin/legacy"
	b := s.as(token.Administrator)
	b.get(page).want(200, "No day is set yet", "Nobody has one that works", "Check the file")
	checkPage(t, b, "before an import")
	sample := b.get(page+"/sample.csv").want(200, "owner,name").page
	b.get(page+"/sample.jsonl").want(200, `{"owner"`)
	mac := hmac.New(sha256.New, []byte{0xff, 0x00})
	mac.Write([]byte("keyed"))
	file := strings.ReplaceAll(sample, "ana@example.com", "dev@example.com") +
		"nobody@example.com,,,,," + strings.Repeat("ab", 32) + "\n"
	b.upload(page+"/check", "").want(422, "Choose a file.")
	b.upload(page+"/check", file).want(422, "Say on which day imported tokens stop")
	b.upload(page+"/check", file, "stops_on", "soon").want(422, "Choose the day")
	b.upload(page+"/check", file, "stops_on", "2027-05-01", "hmac_key", "xyz", "hmac_form", "hex").want(422, "The key is not in the form")
	b.upload(page+"/check", file, "stops_on", "2027-05-01").want(200, "1 would be imported, 0 imported before, 1 refused.", "Its owner is no member", "Would be imported", "No day is set yet")
	checkPage(t, b, "after a check")
	if s.works("oauth-tokens", "abc") {
		t.Error("a check imported")
	}
	b.upload(page+"/import", file, "stops_on", "2027-05-01").want(200, "1 imported, 0 imported before, 1 refused.", "They stop on 1 May 2027", "Deniz Kaya")
	checkPage(t, b, "after an import")
	if !s.works("oauth-tokens", "abc") {
		t.Error("an imported token does not work")
	}
	keyed := fmt.Sprintf("{\"owner\":\"member@example.com\",\"hmac_sha256\":\"%x\"}\n{\"owner\":\"member@example.com\",\"secret\":\"in clear\"}\n", mac.Sum(nil))
	b.upload(page+"/import", keyed, "hmac_key", "ff00", "hmac_form", "hex", "raw", "1").want(200, "2 imported").lacks("ff00")
	if !s.works("oauth-tokens", "keyed") || !s.works("oauth-tokens", "in clear") {
		t.Error("a token with a key, or one that came in clear, does not work")
	}
	s.must(s.checks.Flush(s.ctx()))
	b.get(page+"?used=lately").want(200, "Deniz Kaya", "1 token", "Mika Virtanen", "2 tokens", "kind=legacy")

	b.post(page+"/stop", "stops_on", "").want(422, "Choose the day")
	b.post(page+"/stop", "stops_on", "2040-01-01").want(422, "at most 10 years")
	b.post(page+"/stop", "stops_on", "2027-06-01").want(200, "The day is set", "They stop on 1 Jun 2027")
	b.post(page+"/stop", "stops_on", "2027-02-01").want(200, "Stop all legacy tokens now")
	checkPage(t, b, "before stopping all")
	if !s.works("oauth-tokens", "abc") {
		t.Error("they stopped before that was confirmed")
	}
	b.post(page+"/stop", "stops_on", "2027-02-01", "confirmed", "1").want(200, "They stopped on 1 Feb 2027", "Nobody has one that works")
	if s.works("oauth-tokens", "abc") {
		t.Error("one works after the day")
	}

	// Importing needs a recent sign-in; checking does not.
	s.clock.Advance(20 * time.Minute)
	b.upload(page+"/check", file, "stops_on", "2027-05-01").want(200, "1 imported before")
	b.upload(page+"/import", file, "stops_on", "2027-05-01").want(403, "Enter your password", "again=1")
	b.get(page+"?again=1").want(200, "Is it you?")
	b.post(page+"/confirm", "password_again", "wrong").want(403, "not your password")
	checkPage(t, b, "a wrong password before an import")
	b.post(page+"/confirm", "password_again", password).want(200, "Choose the file now")
	b.upload(page+"/import", file, "stops_on", "2027-05-01").want(200, "1 imported before")

	m := s.as(token.Developer)
	m.upload(page+"/import", file).want(403)
	m.post(page+"/stop", "stops_on", "2027-06-01").want(403)
	m.get(page + "/sample.csv")
}

// The longer body is allowed for this form alone.
func TestOnlyAFileOfTokensMayBeLong(t *testing.T) {
	s := newSite(t).populate()
	b := s.as(token.Administrator)
	long := "owner,sha256\n" + strings.Repeat("dev@example.com,"+strings.Repeat("0", 64)+"\n", 3000)
	b.upload("/workspaces/standard/admin/legacy/check", long, "stops_on", "2027-05-01").want(200, "1 would be imported, 2999 imported before", "more lines are not listed")
	if b.upload("/workspaces/standard/admin/scopes", long); b.status != 413 {
		t.Errorf("another form takes %d bytes: %d", len(long), b.status)
	}
	if b.upload("/workspaces/standard/admin/legacy/check", strings.Repeat("x", 33<<20)); b.status != 413 {
		t.Errorf("33 MiB are answered %d", b.status)
	}
}
