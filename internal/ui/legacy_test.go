package ui_test

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"

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
		b.get(base+"/tokens/"+id+"?from=legacy").want(200, "Nightly", "Legacy</span>").lacks("Secret ends in", "Regenerate")
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
