package authority_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
)

// file is an import of lines that stop in 90 days.
func (p *place) file(lines ...string) authority.Import {
	return authority.Import{Lines: legacy.Read(strings.NewReader(strings.Join(lines, "\n"))), Stops: p.Clock.Now().AddDate(0, 0, 90)}
}

// imported imports lines as an administrator and wants what becomes of each.
func (p *place) imported(t testing.TB, ws string, in authority.Import, want ...authority.Outcome) []authority.Imported {
	t.Helper()
	var done []authority.Imported
	in.Report = func(d authority.Imported) { done = append(done, d) }
	sum, err := p.ImportTokens(context.Background(), p.recent(p.admin), ws, in)
	wantOK(t, err)
	var got []authority.Outcome
	counts := map[authority.Outcome]int{}
	for _, d := range done {
		got = append(got, d.Outcome)
		counts[d.Outcome]++
		if (d.Problem != "") != (d.Outcome == authority.LineRefused) {
			t.Errorf("line %d is %s: %q", d.Line, d.Outcome, d.Problem)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes: %s\n%+v", diff, done)
	}
	if sum.Imported != counts[authority.LineImported] || sum.Known != counts[authority.LineKnown] || sum.Refused != counts[authority.LineRefused] {
		t.Errorf("summary %+v of %v", sum, counts)
	}
	return done
}

func sha256Line(owner, secret, more string) string {
	return fmt.Sprintf(`{"owner":%q,"sha256":"%x"%s}`, owner, sha256.Sum256([]byte(secret)), more)
}

func (p *place) legacies(t testing.TB, by token.Identity, ws string, everyone bool) []token.Token {
	t.Helper()
	list, err := p.LegacyTokens(context.Background(), by, ws, authority.TokenQuery{Everyone: everyone, Page: authority.Page{Limit: 100}})
	wantOK(t, err)
	return list
}

func TestS48TokensOfAnOlderSystemWorkUntilTheDayThatTheAdministratorSet(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		const key = "the older system's key"
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte("third secret"))
		in := p.file(
			sha256Line(testkit.Member, "first secret", `,"name":"Old ETL","scopes":["odata:read"],"created_at":"2024-02-01"`),
			fmt.Sprintf(`{"owner":%q,"sha512":"%x","name":"Old report"}`, testkit.Dev, sha512.Sum512([]byte("second secret"))),
			fmt.Sprintf(`{"owner":%q,"hmac_sha256":"%x"}`, testkit.Dev, mac.Sum(nil)),
			fmt.Sprintf(`{"owner":%q,"secret":"fourth secret"}`, testkit.Admin),
		)
		in.HMACKey, in.AllowRaw = token.SecretOf(key), true
		p.imported(t, oauth, in, authority.LineImported, authority.LineImported, authority.LineImported, authority.LineImported)
		secrets := []token.Secret{token.SecretOf("first secret"), token.SecretOf("second secret"), token.SecretOf("third secret"), token.SecretOf("fourth secret")}
		for _, s := range secrets {
			p.wantGood(t, s, oauth, "odata:read")
			p.wantStopped(t, s, standard) // of another workspace
			p.wantStopped(t, s, "")       // and never without one
		}
		p.wantStopped(t, token.SecretOf("fifth secret"), oauth)

		// Listed apart, marked, and by their owners alone.
		if own := p.legacies(t, p.member, oauth, false); len(own) != 1 || !own[0].Legacy() || own[0].Name != "Old ETL" || own[0].StatusAt(p.Clock.Now()) != token.Active {
			t.Errorf("the member's legacy tokens: %+v", own)
		}
		if n := len(p.legacies(t, p.dev, oauth, false)); n != 2 {
			t.Errorf("the developer has %d legacy tokens", n)
		}
		if n := len(p.legacies(t, p.admin, oauth, true)); n != 4 {
			t.Errorf("there are %d legacy tokens", n)
		}
		if n := len(p.list(t, p.admin, oauth, true)); n != 0 {
			t.Errorf("%d legacy tokens are among the others", n)
		}
		_, err := p.LegacyTokens(t.Context(), p.member, oauth, authority.TokenQuery{Everyone: true, Page: authority.Page{Limit: 100}})
		wantCode(t, err, api.CodeRoleNotAllowed)

		// The day comes nearer, and is put off.
		wantOK(t, p.SetLegacyStop(t.Context(), p.admin, oauth, p.Clock.Now().AddDate(0, 0, 10)))
		p.Clock.Advance(10*24*time.Hour - time.Second)
		p.wantGood(t, secrets[1], oauth)
		p.Clock.Advance(time.Second)
		for _, s := range secrets {
			p.wantStopped(t, s, oauth)
		}
		wantOK(t, p.SetLegacyStop(t.Context(), p.admin, oauth, p.Clock.Now().AddDate(0, 0, 10)))
		p.wantGood(t, secrets[1], oauth)
		wantOK(t, p.SetLegacyStop(t.Context(), p.admin, oauth, p.Clock.Now().Add(-time.Hour)))
		p.wantStopped(t, secrets[1], oauth)
		stops, err := p.LegacyStop(t.Context(), p.member, oauth)
		wantOK(t, err)
		wantTime(t, "the day", stops, p.Clock.Now().Add(-time.Hour))
	})
}

func TestS48ALegacyTokenCanOnlyBeEnded(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		for _, ws := range []string{oauth, single, apps, standard} {
			owner := p.dev
			p.imported(t, ws, p.file(sha256Line(testkit.Dev, "a "+ws, `,"name":"a"`), sha256Line(testkit.Dev, "b "+ws, `,"name":"b"`), sha256Line(testkit.Dev, "c "+ws, `,"name":"c"`)),
				authority.LineImported, authority.LineImported, authority.LineImported)
			id := map[string]string{}
			for _, l := range p.legacies(t, owner, ws, false) {
				id[l.Name] = l.ID
			}
			_, _, err := p.RegenerateToken(t.Context(), p.recent(owner), ws, id["a"], token.Choice{})
			wantCode(t, err, api.CodeActionNotOffered)
			_, err = p.SetTokenScopes(t.Context(), owner, ws, id["a"], []string{"odata:read"})
			wantCode(t, err, api.CodeActionNotOffered)
			if _, err = p.RevokeToken(t.Context(), p.member, ws, id["a"], ""); err == nil {
				t.Errorf("%s: somebody else revoked it", ws)
			}
			if _, err = p.Token(t.Context(), p.member, ws, id["a"]); err == nil {
				t.Errorf("%s: somebody else saw it", ws)
			}
			_, err = p.Token(t.Context(), owner, ws, id["a"])
			wantOK(t, err)

			p.wantGood(t, token.SecretOf("a "+ws), ws)
			_, err = p.RevokeToken(t.Context(), owner, ws, id["a"], "")
			wantOK(t, err)
			wantOK(t, p.DeleteToken(t.Context(), owner, ws, id["b"]))
			_, err = p.RevokeToken(t.Context(), p.admin, ws, id["c"], "")
			wantOK(t, err)
			for _, s := range []string{"a ", "b ", "c "} {
				p.wantStopped(t, token.SecretOf(s+ws), ws)
			}
			// Importing them again revives nothing but what is gone.
			p.imported(t, ws, p.file(sha256Line(testkit.Dev, "a "+ws, "")), authority.LineKnown)
			p.wantStopped(t, token.SecretOf("a "+ws), ws)
			if ws != oauth { // they are in nobody's way
				p.made(t, owner, ws, plain(ws, "a"))
			}
		}
	})
}

// A secret of another system may be short, or of any characters: its end is then no hint.
func TestTheHintOfAnImportedSecretGivesNoneAway(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		var lines []string
		for _, secret := range []string{"pin7", "a euro, cut: \u20ac\u20ac", "long enough for the-end"} {
			lines = append(lines, fmt.Sprintf(`{"owner":%q,"secret":%q}`, testkit.Dev, secret))
		}
		in := p.file(lines...)
		in.AllowRaw = true
		p.imported(t, oauth, in, authority.LineImported, authority.LineImported, authority.LineImported)
		var hints []string
		for _, l := range p.legacies(t, p.dev, oauth, false) {
			hints = append(hints, l.Hint)
		}
		slices.Sort(hints)
		if want := []string{"", "", "-end"}; !slices.Equal(hints, want) {
			t.Errorf("hints %q, want %q", hints, want)
		}
		p.wantGood(t, token.SecretOf("a euro, cut: \u20ac\u20ac"), oauth)
	})
}

func TestADryRunSaysWhatAnImportDoesAndDoesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		past, ahead := p.Clock.Now().AddDate(0, 0, -1).Format(time.RFC3339), p.Clock.Now().AddDate(0, 0, 1).Format(time.RFC3339)
		_, other := p.made(t, p.dev, standard, plain(standard, "elsewhere"))
		lines := []string{
			sha256Line(testkit.Member, "one", ""),
			sha256Line(testkit.Member, "one", ""), // again
			sha256Line("nobody@example.com", "two", ""),
			sha256Line("no address", "two", ""),
			sha256Line(testkit.Member, "two", `,"scopes":["no:such"]`),
			sha256Line(testkit.Member, "two", `,"scopes":["keywright:manage"]`),
			sha256Line(testkit.Member, "two", `,"expires_at":"`+past+`"`),
			sha256Line(testkit.Member, "two", `,"created_at":"`+ahead+`"`),
			sha256Line(testkit.Member, "two", `,"name":"`+strings.Repeat("n", 101)+`"`),
			sha256Line(testkit.Member, other.Reveal(), ""),
			`{"owner":"` + testkit.Member + `","secret":"in clear"}`,
			fmt.Sprintf(`{"owner":%q,"hmac_sha256":"%064x"}`, testkit.Member, 7),
			`{"owner":`,
		}
		refused := make([]authority.Outcome, len(lines)-2)
		for i := range refused {
			refused[i] = authority.LineRefused
		}
		want := append([]authority.Outcome{authority.LineImported, authority.LineKnown}, refused...)
		in := p.file(lines...)
		in.DryRun = true
		dry := p.imported(t, oauth, in, want...)
		p.wantStopped(t, token.SecretOf("one"), oauth)
		if n := len(p.legacies(t, p.admin, oauth, true)); n != 0 {
			t.Errorf("a dry run made %d tokens", n)
		}
		if stops, err := p.LegacyStop(t.Context(), p.admin, oauth); err != nil || !stops.IsZero() {
			t.Errorf("a dry run set the day: %s %v", stops, err)
		}
		if diff := cmp.Diff(dry, p.imported(t, oauth, p.file(lines...), want...)); diff != "" {
			t.Errorf("it said otherwise: %s", diff)
		}
		p.wantGood(t, token.SecretOf("one"), oauth)
		p.wantGood(t, other, standard)
		for _, d := range dry {
			if strings.Contains(d.Problem, "clear\"") || strings.Contains(d.Problem, other.Reveal()) {
				t.Errorf("line %d repeats what stands in it: %s", d.Line, d.Problem)
			}
		}
	})
}

func TestAnImportThatWasCutOffIsBegunAgain(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		const n = 12_000
		var lines []string
		for i := range n {
			lines = append(lines, sha256Line(testkit.Member, fmt.Sprint("secret ", i), ""))
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		in := p.file(lines...)
		in.Progress = func(authority.ImportedSummary) { cancel() }
		cut, err := p.ImportTokens(ctx, p.recent(p.admin), oauth, in)
		if !errors.Is(err, context.Canceled) || cut.Imported == 0 || cut.Imported == n {
			t.Fatalf("%+v %v", cut, err)
		}
		p.wantGood(t, token.SecretOf("secret 0"), oauth)
		p.wantStopped(t, token.SecretOf(fmt.Sprint("secret ", n-1)), oauth)
		whole, err := p.ImportTokens(t.Context(), p.recent(p.admin), oauth, p.file(lines...))
		if err != nil || whole.Known != cut.Imported || whole.Imported != n-cut.Imported || whole.Refused != 0 {
			t.Fatalf("%+v after %+v: %v", whole, cut, err)
		}
		for i := 0; i < n; i += 97 {
			p.wantGood(t, token.SecretOf(fmt.Sprint("secret ", i)), oauth)
		}
		events, err := p.Events(t.Context(), p.member, oauth, authority.EventFilter{Action: audit.TokensImported}, authority.Page{Limit: 1000})
		if err != nil || len(events) != 1000 || events[0].OwnerID != p.member.User.ID {
			t.Errorf("the owner sees %d events: %v", len(events), err)
		}
	})
}

func TestOnlyAdministratorsImportAndATokenNoMoreThanItHas(t *testing.T) {
	eachEngine(t, func(t *testing.T, p *place) {
		line := sha256Line(testkit.Member, "one", "")
		for _, c := range []struct {
			by   token.Identity
			ws   string
			want api.Code
		}{
			{p.dev, oauth, api.CodeRoleNotAllowed},
			{p.member, oauth, api.CodeRoleNotAllowed},
			{p.admin, "no-such", api.CodeNotFound},
			{token.Identity{}, oauth, api.CodeSignInRequired},
			{p.bearer(t, p.admin, "manages", token.ScopeManage), standard, api.CodeScopeMissing},
		} {
			_, err := p.ImportTokens(t.Context(), c.by, c.ws, p.file(line))
			wantCode(t, err, c.want)
			if err := p.SetLegacyStop(t.Context(), c.by, c.ws, p.Clock.Now().AddDate(0, 0, 1)); err == nil {
				t.Errorf("%v set the day in %s", c.by.User, c.ws)
			}
		}
		old := p.admin
		old.SignedInAt = p.Clock.Now().Add(-time.Hour)
		_, err := p.ImportTokens(t.Context(), old, oauth, p.file(line))
		wantCode(t, err, api.CodeRecentSignInRequired)
		none := p.file(line)
		none.Stops = time.Time{}
		_, err = p.ImportTokens(t.Context(), p.recent(p.admin), oauth, none)
		wantField(t, err, "stops_at", api.CodeInvalid)

		// A token of 30 days that holds no data scope passes on neither 90 days nor the scope.
		robot := p.bearer(t, p.admin, "administers", token.ScopeAdmin)
		_, err = p.ImportTokens(t.Context(), robot, standard, p.file(line))
		wantCode(t, err, api.CodeOutlivesCredential)
		near := p.file(line)
		near.Stops = p.Clock.Now().AddDate(0, 0, 20)
		var done []authority.Imported
		near.Report = func(d authority.Imported) { done = append(done, d) }
		sum, err := p.ImportTokens(t.Context(), robot, standard, near)
		if err != nil || sum.Refused != 1 || !strings.Contains(done[0].Problem, "scope") {
			t.Errorf("%+v %+v %v", sum, done, err)
		}
		near = p.file(line)
		near.Stops = p.Clock.Now().AddDate(0, 0, 20)
		sum, err = p.ImportTokens(t.Context(), p.bearer(t, p.admin, "both", token.ScopeAdmin, "odata:read"), standard, near)
		if err != nil || sum.Imported != 1 {
			t.Errorf("%+v %v", sum, err)
		}
		// The command line is nobody's member.
		sum, err = p.ImportTokens(t.Context(), token.Identity{System: "keywright import"}, oauth, p.file(line))
		if err == nil && sum.Refused != 1 || fault.CodeOf(err) != "" { // it is in standard by now
			t.Errorf("%+v %v", sum, err)
		}
	})
}

// BenchmarkImport100000Lines is the whole of an import of 100,000 lines; the target is 10 s on SQLite.
func BenchmarkImport100000Lines(b *testing.B) {
	for engine, installed := range map[string]func(testing.TB) *testkit.Installation{"sqlite": testkit.InstalledSQLite, "postgres": testkit.InstalledPostgres} {
		b.Run(engine, func(b *testing.B) {
			p := newPlace(installed(b))
			for i := 0; b.Loop(); i++ {
				var lines []string
				for n := range 100_000 {
					lines = append(lines, sha256Line([]string{testkit.Member, testkit.Dev, testkit.Admin}[n%3], fmt.Sprint(i, " secret ", n), `,"name":"Old token"`))
				}
				sum, err := p.ImportTokens(b.Context(), p.recent(p.admin), oauth, p.file(lines...))
				if err != nil || sum.Imported != len(lines) {
					b.Fatalf("%+v %v", sum, err)
				}
			}
		})
	}
}
