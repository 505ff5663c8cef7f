package verify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/keyring"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/testkit"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

func digestOf(clear string) []byte { d := sha256.Sum256([]byte(clear)); return d[:] }

func digest512(clear string) []byte { d := sha512.Sum512([]byte(clear)); return d[:] }

func digestHMAC(key, clear string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(clear))
	return m.Sum(nil)
}

// hmacKey keeps the key of an older system and returns the scheme of tokens hashed with it.
func (r *rows) hmacKey(t testing.TB, key string) token.Scheme {
	t.Helper()
	id := token.NewID(token.KeyID, r.Clock.Now())
	sealed, err := r.Box.Seal([]byte(key), id)
	if err != nil {
		t.Fatal(err)
	}
	r.update(t, func(tx *store.Tx) error {
		return tx.AddLegacyKey(store.LegacyKey{ID: id, WorkspaceID: r.ws.ID, Sealed: sealed, CreatedAt: tx.Now})
	})
	return token.SchemeHMAC + ":" + token.Scheme(id)
}

func TestAForeignTokenIsGoodAsItIsByEachScheme(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		one, two := r.hmacKey(t, "first key"), r.hmacKey(t, "")
		jws := strings.Replace(r.sign(t, r.ofApp(r.app(t))), ".", ".A", 1) // has our form, and is not ours
		for clear, scheme := range map[string]token.Scheme{
			"plain":                                   token.SchemeSHA256,
			"p512":                                    token.SchemeSHA512,
			"with a key":                              one,
			"with an empty key":                       two,
			" \x00\xff\"'; drop table tokens; --\n":   token.SchemeSHA256,
			"x":                                       token.SchemeSHA512,
			strings.Repeat("long ", 200):              one,
			strings.Repeat("y", token.MaxLegacy):      token.SchemeSHA512,
			in.Format.New(token.KindPAT).Reveal():     token.SchemeSHA256, // another installation's
			in.Format.New(token.KindPAT).Reveal():     token.SchemeSHA512,
			in.Format.New(token.KindApp).Reveal():     one,
			in.Format.New(token.KindApp).Reveal():     token.SchemeSHA256,
			in.Format.New(token.KindRefresh).Reveal(): token.SchemeSHA256,
			jws:                                 token.SchemeSHA256,
			jws + "A":                           token.SchemeSHA512,
			"eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmVk": token.SchemeSHA256,
		} {
			digest := digestOf(clear)
			switch scheme {
			case token.SchemeSHA512:
				digest = digest512(clear)
			case one:
				digest = digestHMAC("first key", clear)
			case two:
				digest = digestHMAC("", clear)
			default:
			}
			r.wantDead(t, "not imported yet", clear)
			l := r.legacy(t, clear, scheme, digest)
			for _, from := range []string{"from the database", "from memory"} {
				d, err := in.Checks.Check(t.Context(), clear, r.ask())
				if err != nil || d.Kind() != token.KindLegacy || d.TokenID() != l.ID {
					t.Errorf("%q by %s, %s: %v %s", clear, scheme, from, err, d.TokenID())
				}
				r.wantDead(t, "a little more", clear+"x")
				r.wantDead(t, "a little less", clear[1:])
				for _, ws := range []string{"", "scoped-tokens", "none", "%", r.ws.ID} {
					if _, err := in.Checks.Check(t.Context(), clear, verify.Ask{Workspace: ws}); code(err) != api.CodeInvalidToken {
						t.Errorf("%q in workspace %q: %v", clear, ws, err)
					}
				}
			}
			if _, err := in.RevokeToken(t.Context(), in.People[testkit.Admin], standard, l.ID, ""); err != nil {
				t.Fatal(err)
			}
			r.wantDead(t, "revoked", clear)
			if err := second(r.fresh().Check(t.Context(), clear, r.ask())); code(err) != api.CodeInvalidToken {
				t.Errorf("%q, revoked, by a checker that remembers nothing: %v", clear, err)
			}
		}
		r.wantDead(t, "longer than may be", strings.Repeat("y", token.MaxLegacy+1))
		r.wantDead(t, "nothing", "")
	})
}

func TestALegacyTokenEndsOnItsDay(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	l := r.legacy(t, "old", token.SchemeSHA512, digest512("old"))
	r.wantGood(t, "at first", "old")
	stops := r.Clock.Now().Add(time.Hour)
	r.update(t, func(tx *store.Tx) error { return tx.SetLegacyStop(r.ws.ID, stops) })
	r.Checks.WorkspaceChanged(r.ws.ID)
	d, err := r.Checks.Check(t.Context(), "old", r.ask())
	if deprecated, ends, legacy := d.Sunset(); err != nil || !legacy || !ends.Equal(stops) || !deprecated.Equal(l.CreatedAt.Truncate(time.Millisecond)) {
		t.Errorf("deprecated %v, ends %v: %v", deprecated, ends, err)
	}
	r.Clock.Set(stops)
	r.wantDead(t, "on the day", "old")
	if err := second(r.fresh().Check(t.Context(), "old", r.ask())); code(err) != api.CodeInvalidToken {
		t.Errorf("by a checker that remembers nothing: %v", err)
	}
	r.update(t, func(tx *store.Tx) error { return tx.SetLegacyStop(r.ws.ID, time.Time{}) })
	r.Checks.WorkspaceChanged(r.ws.ID)
	r.wantGood(t, "the day was taken back", "old")
}

// Who has only the digests of an older system, such as a copy of its database, has no token.
func TestADigestIsNoToken(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	keyed := r.hmacKey(t, "key")
	r.legacy(t, "a", token.SchemeSHA256, digestOf("a"))
	r.legacy(t, "b", token.SchemeSHA512, digest512("b"))
	r.legacy(t, "c", keyed, digestHMAC("key", "c"))
	for range 2 { // before and after the tokens themselves are in memory
		r.wantDead(t, "SHA-256", string(digestOf("a")))
		r.wantDead(t, "SHA-512", string(digest512("b")))
		r.wantDead(t, "what is hashed to keep a SHA-512", string(token.SchemeSHA512)+"\x00"+string(digest512("b")))
		r.wantDead(t, "what is hashed to keep an HMAC", string(keyed)+"\x00"+string(digestHMAC("key", "c")))
		for _, clear := range []string{"a", "b", "c"} {
			r.wantGood(t, clear, clear)
		}
	}
}

func TestAKeyThatCannotBeOpenedEndsNoOtherTokens(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	keyed := r.hmacKey(t, "key")
	r.legacy(t, "c", keyed, digestHMAC("key", "c"))
	r.legacy(t, "a", token.SchemeSHA256, digestOf("a"))
	r.legacy(t, "lost", token.SchemeHMAC+":gone", digestHMAC("", "lost"))
	r.wantGood(t, "with its key", "c")
	r.wantDead(t, "whose key is gone", "lost")
	other, err := keyring.NewBox()
	if err != nil {
		t.Fatal(err)
	}
	for _, box := range []*keyring.Box{nil, other} {
		r.Checks = verify.New(verify.Config{Store: r.Store, Format: r.Format, Now: r.Clock.Now, Box: box})
		r.wantDead(t, "without its key", "c")
		r.wantGood(t, "without a key", "a")
	}
}

// many imports "old 0" and so on.
func (r *rows) many(t testing.TB, n int) {
	t.Helper()
	list := make([]store.NewToken, n)
	for i := range list {
		clear := fmt.Sprint("old ", i)
		scheme, digest := token.SchemeSHA256, digestOf(clear)
		if i%2 == 1 {
			scheme, digest = token.SchemeSHA512, digest512(clear)
		}
		list[i].Token = token.Token{ID: token.NewID(token.TokenID, r.Clock.Now()), WorkspaceID: r.ws.ID, Owner: r.dev.User, Scheme: scheme, CreatedAt: r.Clock.Now()}
		list[i].Hash = scheme.Kept(digest)
	}
	r.update(t, func(tx *store.Tx) error { return tx.AddTokens(list) })
	r.Checks.LegacyChanged(r.ws.ID)
}

func TestAFloodOfForeignGarbageTouchesNoDatabase(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	r.many(t, 100_000)
	r.wantGood(t, "the last", "old 99999")
	if _, err := r.Checks.Check(t.Context(), "garbage", verify.Ask{Workspace: "scoped-tokens"}); code(err) != api.CodeInvalidToken {
		t.Fatal(err)
	}
	if err := r.Store.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	const flood = 50_000
	for i := range flood {
		r.wantDead(t, "garbage", fmt.Sprint("garbage ", i))
	}
	t.Logf("a foreign text that is none of 100,000 legacy tokens takes %v", time.Since(began)/flood)
	r.wantGood(t, "the last", "old 99999")
	if _, err := r.Checks.Check(t.Context(), "old 1", verify.Ask{Workspace: standard}); code(err) != api.CodeUnavailable {
		t.Errorf("one that is not in memory, and the database is gone: %v", err)
	}
	if _, err := r.Checks.Check(t.Context(), "garbage", verify.Ask{Workspace: "scoped-tokens"}); code(err) != api.CodeInvalidToken {
		t.Errorf("where there are no legacy tokens: %v", err)
	}
}

func TestAnImportIsSeenByTheNextCheck(t *testing.T) {
	testkit.EachInstallation(t, func(t *testing.T, in *testkit.Installation) {
		r := newRows(t, in)
		var next, seen atomic.Int64
		var wg sync.WaitGroup
		const each = 60
		for w := range 3 { // imports
			wg.Go(func() {
				for i := range each {
					clear := fmt.Sprintf("w%d-%d", w, i)
					r.legacy(t, clear, token.SchemeSHA256, digestOf(clear))
					r.wantGood(t, "just imported", clear)
					seen.Add(1)
				}
			})
		}
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 4 { // who asks for what comes, before it is there
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						n := next.Add(1)
						_ = r.check(fmt.Sprintf("w%d-%d", n%3, n/3%each))
						runtime.Gosched()
					}
				}
			})
		}
		wg.Wait()
		close(stop)
		readers.Wait()
		if seen.Load() != 3*each {
			t.Errorf("%d imports", seen.Load())
		}
	})
}

func TestManyWhoNeedTheListReadItOnce(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	r.many(t, 2000)
	for range 3 {
		lists := make([]any, 50)
		var wg sync.WaitGroup
		for i := range lists {
			wg.Go(func() {
				l, n, err := verify.LegacyList(t.Context(), r.Checks, standard)
				if err != nil || n != 2000 {
					t.Errorf("%d hashes: %v", n, err)
				}
				lists[i] = l
			})
		}
		wg.Wait()
		for _, l := range lists {
			if l != lists[0] {
				t.Fatal("it was read more than once")
			}
		}
		r.Checks.LegacyChanged(r.ws.ID)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := verify.LegacyList(gone, r.Checks, standard); err != nil {
		t.Errorf("a client that went away ended the reading for all: %v", err)
	}
	if _, _, err := verify.LegacyList(t.Context(), r.Checks, "none"); err == nil {
		t.Error("a workspace that is none has a list")
	}
}

func TestAWorkspaceThatIsMadeAnewHasItsOwnLegacyTokens(t *testing.T) {
	r := newRows(t, testkit.InstalledSQLite(t))
	r.legacy(t, "old", token.SchemeSHA256, digestOf("old"))
	r.wantGood(t, "of the first", "old")
	admin := r.People[testkit.Admin]
	if err := r.DeleteWorkspace(t.Context(), admin, standard); err != nil {
		t.Fatal(err)
	}
	r.wantDead(t, "while there is none", "old")
	var err error
	if r.ws, err = r.CreateWorkspace(t.Context(), admin, authority.NewWorkspace{Slug: standard, Preset: token.Standard}); err != nil {
		t.Fatal(err)
	}
	r.update(t, func(tx *store.Tx) error { return tx.AddMember(r.ws.ID, r.dev.User.ID, token.Developer) })
	r.wantDead(t, "in the second", "old")
	r.legacy(t, "new", token.SchemeSHA256, digestOf("new"))
	r.wantGood(t, "of the second", "new")
	r.wantDead(t, "of the first, in the second", "old")
}
