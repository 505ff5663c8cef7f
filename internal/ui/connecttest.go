package ui

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

// report is what a tool would see of a feed, step by step: real requests, answered by the very handler that answers
// tools. It holds nothing of the credential.
type report struct {
	Good    bool
	Steps   []reportStep
	Preview *preview
}

// reportStep is one thing that a tool does.
type reportStep struct {
	OK     bool
	What   string
	Detail string
	Do     string // what to do about it
	Path   string // where, with Label
	Label  string
}

// preview is the first rows of a set.
type preview struct {
	Set     string
	Columns []string
	Rows    [][]string
	More    int // columns that are not shown
}

const (
	previewRows    = 3
	previewColumns = 6
	previewText    = 40
	tryFor         = 30 * time.Second
	mostAnswer     = 8 << 20
)

func (r *report) good(what, detail string) {
	r.Steps = append(r.Steps, reportStep{OK: true, What: what, Detail: detail})
}

func (r *report) bad(s reportStep) *report {
	r.Steps = append(r.Steps, s)
	r.Good = false
	return r
}

// try does what a tool does when it connects: the service document, $metadata, the first rows of one set.
func (v *visit) try(f *feed, user string, secret token.Secret) *report {
	ctx, cancel := context.WithTimeout(v.r.Context(), tryFor)
	defer cancel()
	presented := strings.TrimSpace(secret.Reveal())
	ask := func(path, accept string) *answer {
		return v.asTool(ctx, f, path, accept, url.UserPassword(user, presented))
	}
	r := &report{Good: true}
	if strings.Contains(user, ":") {
		return r.bad(reportStep{What: "Signs in", Detail: "The user name holds a colon: what is behind it is taken for the password.", Do: "Type in another user name; anything will do."})
	}
	root := ask("", "application/json")
	if !v.signedIn(r, f, root, presented) {
		return r
	}
	if presented != secret.Reveal() {
		r.Steps[0].Detail += " There was a space before or after the token: leave it out in other programs."
	}
	var service struct {
		Value []struct {
			Name, URL, Kind string
		}
	}
	if root.status != http.StatusOK || json.Unmarshal(root.body.Bytes(), &service) != nil {
		return r.bad(root.failed("Opens the feed"))
	}
	var sets []string
	for _, s := range service.Value {
		if s.Kind == "" || s.Kind == "EntitySet" {
			sets = append(sets, s.Name)
		}
	}
	r.good("Opens the feed", count(len(sets), "table")+": "+firstNames(sets, 6)+".")
	described := ask("$metadata", "application/xml")
	if described.status != http.StatusOK || !strings.HasPrefix(described.header.Get("Content-Type"), "application/xml") {
		return r.bad(described.failed("Reads what the tables hold"))
	}
	r.good("Reads what the tables hold", count(columnsOf(described.body.Bytes()), "column")+" in all.")
	if len(sets) == 0 {
		return r.bad(reportStep{What: "Reads the first rows", Detail: "This feed has no table.", Do: "Ask an administrator what it should publish."})
	}
	rows := ask(url.PathEscape(sets[0])+"?$top="+strconv.Itoa(previewRows), "application/json")
	page, err := firstRows(sets[0], rows.body.Bytes())
	if rows.status != http.StatusOK || err != nil {
		return r.bad(rows.failed("Reads the first rows"))
	}
	r.Preview = page
	switch n := len(page.Rows); n {
	case 0:
		r.good("Reads the first rows", "“"+sets[0]+"” has no rows that you may see.")
		r.Preview = nil
	default:
		r.good("Reads the first rows", "The first of “"+sets[0]+"” are below.")
	}
	return r
}

// answer is the handler's.
type answer struct {
	header http.Header
	status int
	body   limited
	broken bool // it ended in its middle
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// limited keeps the beginning of what is written to it.
type limited struct{ kept []byte }

func (l *limited) Bytes() []byte { return l.kept }

func (l *limited) Write(b []byte) (int, error) {
	if len(l.kept)+len(b) > mostAnswer {
		return 0, errors.New("ui: the answer is too long for a test")
	}
	l.kept = append(l.kept, b...)
	return len(b), nil
}

// asTool asks the feeds' handler as a tool does, from where the caller's own request came: their attempts are
// throttled like a tool's.
func (v *visit) asTool(ctx context.Context, f *feed, path, accept string, as *url.Userinfo) (a *answer) {
	a = &answer{header: http.Header{}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "/odata/"+url.PathEscape(v.in.Slug)+"/"+url.PathEscape(f.Name)+"/"+path, nil)
	if err != nil {
		return a
	}
	req.RequestURI, req.RemoteAddr, req.Host = req.URL.RequestURI(), v.r.RemoteAddr, v.r.Host
	req.TLS = v.r.TLS
	for name, values := range v.r.Header {
		if name == "Forwarded" || strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip" {
			req.Header[name] = slices.Clone(values)
		}
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "connection-test")
	req.Header["OData-MaxVersion"] = []string{"4.0"}
	password, _ := as.Password()
	req.SetBasicAuth(as.Username(), password)
	defer func() {
		if p := recover(); p != nil {
			a.broken = true
			if p != http.ErrAbortHandler { //nolint:errorlint // this very value, as net/http compares it
				panic(p)
			}
		}
	}()
	v.odata.ServeHTTP(a, req)
	a.WriteHeader(http.StatusOK)
	return a
}

// message is what an OData error says, for people.
func (a *answer) message() string { return a.said().Message }

// code is what it says for programs.
func (a *answer) code() string { return a.said().Code }

func (a *answer) said() (e struct{ Code, Message string }) {
	body := map[string]json.RawMessage{}
	if json.Unmarshal(a.body.Bytes(), &body) == nil && json.Unmarshal(body["error"], &e) != nil {
		e.Code, e.Message = "", ""
	}
	return e
}

// failed is the step of an answer that is not what a tool needs.
func (a *answer) failed(what string) reportStep {
	s := reportStep{What: what, Detail: a.message(), Do: "Try again in a minute. If it stays so, tell an administrator."}
	switch {
	case a.broken:
		s.Detail = "The answer broke off in its middle."
	case a.status == http.StatusGatewayTimeout:
		s.Detail = "The database took too long to answer."
	case a.status == http.StatusServiceUnavailable && a.code() == "source_changed":
		s.Detail, s.Do = "The tables in the database have changed since they were read.", "Ask an administrator to read the schemas again, on the page “Data feeds”."
	case s.Detail == "":
		s.Detail = fmt.Sprintf("The server answered %d.", a.status)
	}
	return s
}

// signedIn notes how signing in went, and whether the credential may read the feed.
func (v *visit) signedIn(r *report, f *feed, root *answer, presented string) (ok bool) {
	const what = "Signs in"
	switch root.status {
	case http.StatusUnauthorized:
		s := v.whyRefused(f, presented)
		s.What = what
		r.bad(s)
		return false
	case http.StatusTooManyRequests:
		wait := "a minute"
		if n, err := strconv.Atoi(root.header.Get("Retry-After")); err == nil && n > 0 {
			wait = count(n, "second")
		}
		r.bad(reportStep{What: what, Detail: "Too many wrong tokens came from your address.", Do: "Wait " + wait + ", then try again."})
		return false
	}
	who, mine := v.whose(presented)
	r.good(what, who)
	if root.status == http.StatusForbidden {
		s := reportStep{What: "May read this feed", Detail: "It lacks the scope " + f.scopeWords() + ".", Do: "Make one that has it."}
		if m := root.message(); f.ScopeTitle == "" && m != "" {
			s.Detail = m
		}
		switch {
		case mine != "" && v.in.Policy.Tokens.Allows(token.ActEditScope):
			s.Do, s.Label, s.Path = "Give it the scope; its secret stays the same.", "Edit its scopes", v.at("tokens", mine, "scopes")
		case v.fits(kindTokens, f.Scope) && asks(&v.in.Policy.Tokens):
			s.Label, s.Path = v.words().Add, v.at("tokens", "new")+"?scopes="+url.QueryEscape(f.Scope)
		}
		r.bad(s)
		return false
	}
	if root.status == http.StatusOK {
		r.good("May read this feed", "It has the scope "+f.scopeWords()+".")
	}
	return true
}

func (f *feed) scopeWords() string {
	if f.ScopeTitle == "" || f.ScopeTitle == f.Scope {
		return "“" + f.Scope + "”"
	}
	return "“" + f.ScopeTitle + "” (" + f.Scope + ")"
}

// whose says who a good credential acts for, what it is called and when it ends; mine is the id of the caller's own
// personal access token.
func (v *visit) whose(presented string) (words, mine string) {
	if v.checks == nil {
		return "The credential is good.", ""
	}
	ask := verify.Ask{Workspace: v.in.Slug}
	ask.Address, ask.Exempt = v.kit.Client(v.r)
	d, err := v.checks.Check(v.r.Context(), presented, ask)
	if err != nil {
		return "The credential is good.", ""
	}
	own := d.OwnerID() == v.by.User.ID
	switch ctx := v.r.Context(); d.Kind() {
	case token.KindApp:
		words = "As an app"
		if a, err := v.authority.App(ctx, v.by, v.in.Slug, d.OwnerID()); err == nil {
			words = "As the app “" + a.Name + "”"
		}
	case token.KindPAT:
		words = "With a token of somebody else"
		if t, err := v.authority.Token(ctx, v.by, v.in.Slug, d.TokenID()); err == nil && own {
			words, mine = "As you, with “"+titleOf(&t)+"”", t.ID
		}
	default:
		words = "With an access token of somebody else"
		switch {
		case own:
			words = "As you, with an access token"
		case d.IsApp():
			words = "As an app, with an access token"
		}
	}
	if at := d.ExpiresAt(); !at.IsZero() {
		return words + ", which expires " + relative(at, v.now) + ", on " + at.UTC().Format(exactForm) + ".", mine
	}
	return words + ", which never expires.", mine
}

var (
	secretWithin = regexp.MustCompile(`\b[a-z][a-z0-9]{0,15}_(?:pat|sec|rt)_[0-9A-Za-z]{36}\b`)
	secretLike   = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}_(pat|sec|rt)_([0-9A-Za-z]*)$`)
	emailLike    = regexp.MustCompile(`^\S+@\S+\.\S+$`)
)

const secretTail = 36 // characters behind a secret's prefix

// whyRefused says what is probably wrong with a credential that is not good. It looks at the text, and at the
// caller's own tokens: about others' it knows nothing.
func (v *visit) whyRefused(f *feed, presented string) reportStep {
	s := reportStep{Detail: "This is no token of this workspace, or it has expired, was stopped, or was replaced by a newer one.", Do: "Copy it again where it is kept. If it is lost, make another one."}
	if v.fits(kindTokens, f.Scope) {
		s.Label, s.Path = v.words().Title, v.list(kindTokens)
	}
	m := secretLike.FindStringSubmatch(presented)
	switch {
	case m != nil && m[1] == "rt":
		s.Detail, s.Do = "This is a refresh token. It only gets the next access token.", "Type in the access token instead."
		return s
	case m != nil && len(m[2]) < secretTail:
		s.Detail, s.Do = "The token is not whole: "+count(secretTail-len(m[2]), "character")+" are missing at its end.", "Copy it again with the button, from beginning to end."
		return s
	case m != nil && len(m[2]) > secretTail:
		s.Detail, s.Do = "There is something behind the token: it is "+count(len(m[2])-secretTail, "character")+" too long.", "Copy it again with the button."
		return s
	case strings.HasPrefix(presented, "eyJ"):
		s.Detail, s.Do = "This access token is not good any more, or it is of another workspace.", "An access token works for one hour. Get the next one with the refresh token."
		return s
	case strings.HasPrefix(presented, token.AppID+"_"):
		s.Detail, s.Do = "This is the app's client ID.", "Type in its client secret as the password. The client ID may be the user name."
		return s
	case emailLike.MatchString(presented):
		s.Detail, s.Do = "This is an e-mail address.", "Type it in as the user name, and the token as the password."
		return s
	case m == nil && secretWithin.MatchString(presented):
		s.Detail, s.Do = "There is something around the token.", "Paste the token alone: no quotation marks, no word and no user name before it."
		return s
	case m == nil:
		s.Detail, s.Do = "This does not look like a token.", "Your own password does not work here. Make a token and paste that."
		return s
	}
	list, err := v.authority.Tokens(v.r.Context(), v.by, v.in.Slug, authority.TokenQuery{Filter: authority.TokenFilter{OwnerID: v.by.User.ID}, Page: authority.Page{Limit: mostHeld}})
	if err != nil || !v.has(kindTokens) {
		return s // whoever has no list of tokens is told the general sentence
	}
	for i := range list {
		t := &list[i]
		if t.Hint == "" || !strings.HasSuffix(presented, t.Hint) {
			continue
		}
		switch t.StatusAt(v.now) {
		case token.Expired:
			s.Detail, s.Do = "This looks like “"+titleOf(t)+"”, which expired on "+t.ExpiresAt.UTC().Format("2 January 2006")+".", "Regenerate it or make another one, and type that in wherever the old one is."
		case token.Revoked:
			s.Detail, s.Do = "This looks like “"+titleOf(t)+"”, which was revoked.", "Make another one, and type that in wherever the old one is."
		default: // it works, so that it is another one
		}
	}
	return s
}

// firstNames joins names, the first n.
func firstNames(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:n], ", ") + " and " + strconv.Itoa(len(names)-n) + " more"
}

// columnsOf counts the properties in a $metadata document.
func columnsOf(document []byte) (n int) {
	d := xml.NewDecoder(strings.NewReader(string(document)))
	for {
		t, err := d.Token()
		if err != nil {
			return n
		}
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "Property" {
			n++
		}
	}
}

// firstRows reads the rows of an answer, with their columns in the order in which they came.
func firstRows(set string, body []byte) (*preview, error) {
	var page struct{ Value []json.RawMessage }
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, err
	}
	p := &preview{Set: set}
	for i, raw := range page.Value {
		names, values, err := fieldsOf(raw)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			p.Columns = names
			if p.More = len(names) - previewColumns; p.More > 0 {
				p.Columns = names[:previewColumns]
			} else {
				p.More = 0
			}
		}
		row := make([]string, 0, previewColumns)
		for _, c := range p.Columns {
			row = append(row, values[c])
		}
		p.Rows = append(p.Rows, row)
	}
	return p, nil
}

// fieldsOf reads an object's fields as text, and their names in order, without annotations.
func fieldsOf(raw json.RawMessage) (names []string, values map[string]string, err error) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	values = map[string]string{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, err
		}
		n, ok := name.(string)
		if !ok || strings.Contains(n, "@") {
			continue
		}
		names = append(names, n)
		values[n] = shortText(value)
	}
	return names, values, nil
}

// shortText is a JSON value as a cell shows it.
func shortText(value json.RawMessage) string {
	s := string(value)
	var text string
	if json.Unmarshal(value, &text) == nil {
		s = text
	}
	if s == "null" {
		return ""
	}
	if r := []rune(s); len(r) > previewText {
		return string(r[:previewText-1]) + "…"
	}
	return s
}
