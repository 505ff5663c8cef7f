package oauth

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/keywright/keywright/internal/web"
)

func TestAFormIsReadAsRFC6749Says(t *testing.T) {
	long := strings.Repeat("a", 8193)
	for _, c := range []struct {
		body string
		want form
		err  error
	}{
		{body: ""},
		{body: "&&"},
		{body: "grant_type=refresh_token&refresh_token=kw_rt_1", want: form{grantType: "refresh_token", refreshToken: "kw_rt_1"}},
		{body: "scope=a+b%20c&grant%5Ftype=%63", want: form{scope: "a b c", grantType: "c"}},
		{body: "scope&client_id=&token=t", want: form{token: "t"}},                // empty: left out
		{body: "colour=blue&GRANT_TYPE=x&=y&token=t=u", want: form{token: "t=u"}}, // unknown: ignored
		{body: "client_id=%C3%A9", want: form{clientID: "é"}},                     // text
		{body: "resource=a&resource=b", want: form{resource: "b", resources: 2}},  // RFC 8707
		{body: "resource=a&audience=b", want: form{resource: "a", audience: "b", resources: 1, audiences: 1}},
		{body: "actor_token=a", want: form{acting: "a"}},
		{body: "scope=a&scope=a", err: errRepeated},
		{body: "scope=a&scope=", err: errRepeated},
		{body: "scope=&scope=a", err: errRepeated},
		{body: "scope=a&sc%6Fpe=b", err: errRepeated},
		{body: "colour=a&colour=b", err: errRepeated},
		{body: "a=%", err: errEncoding},
		{body: "a=%2", err: errEncoding},
		{body: "a=%zz", err: errEncoding},
		{body: "%0=a", err: errEncoding},
		{body: "a=b;c=d", err: errEncoding},
		{body: "a;b", err: errEncoding},
		{body: "a=%00", err: errText},
		{body: "%00=a", err: errText},
		{body: "a=%ff", err: errText},
		{body: "a=\xff", err: errText},
		{body: "a=%ed%a0%80", err: errText}, // half of a surrogate pair
		{body: "token=" + long, err: errTooLong},
		{body: "other=" + long},
		{body: many(64)},
		{body: many(65), err: errMany},
	} {
		var f form
		err := parseForm(c.body, &f)
		if err != c.err { //nolint:errorlint // parseForm returns these values themselves
			t.Errorf("%.40q: %v, want %v", c.body, err, c.err)
		}
		if err == nil && f != c.want {
			t.Errorf("%.40q: %+v", c.body, f)
		}
	}
}

func many(n int) string {
	var pairs []string
	for i := range n {
		pairs = append(pairs, "p"+strings.Repeat("x", i)+"=1")
	}
	return strings.Join(pairs, "&")
}

// FuzzAFormIsReadLikeTheStandardLibraryReadsIt compares the reader with net/url, which keeps several values of
// a name where this one refuses.
func FuzzAFormIsReadLikeTheStandardLibraryReadsIt(f *testing.F) {
	for _, seed := range []string{
		"", "grant_type=client_credentials&scope=a+b", "scope=%41&scope", "a=%2&b=;", "=&=", "resource=a&resource=%20", "token=\xff", "t%6Fken=%00", "&a&", "a=b=c", "%+=+%", "token=+%2B",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > web.MaxBody {
			return
		}
		var got form
		err := parseForm(body, &got)
		want, wantErr := url.ParseQuery(body)
		if err == errEncoding || wantErr != nil { //nolint:errorlint // parseForm returns this value itself
			// What comes before an unreadable pair may be refused for something else.
			if err == nil || err == errEncoding && wantErr == nil { //nolint:errorlint // as above
				t.Fatalf("%q: %v, net/url: %v", body, err, wantErr)
			}
			return
		}
		repeated, noText, long, names := false, false, false, 0
		for name, values := range want {
			names += len(values)
			target := name == "resource" || name == "audience"
			repeated = repeated || len(values) > 1 && !target
			for _, s := range append(slices.Clone(values), name) {
				noText = noText || !utf8.ValidString(s) || strings.Contains(s, "\x00")
				long = long || len(s) > 8192 && got.at(name) != nil
			}
		}
		if bad := repeated || noText || long || names > maxParameters; bad != (err != nil) {
			t.Fatalf("%q: %v, want an error: %v", body, err, bad)
		}
		if err != nil {
			return
		}
		for name, values := range want {
			at := got.at(name)
			if at == nil || name == "resource" || name == "audience" || strings.HasPrefix(name, "actor_token") {
				continue
			}
			if diff := cmp.Diff(values[0], *at); diff != "" {
				t.Fatalf("%q: %s: %s", body, name, diff)
			}
		}
	})
}

func TestClientCredentialsInTheHeaderAreEncodedAsAForm(t *testing.T) {
	for line, want := range map[string][2]string{
		"Basic YTpi":                         {"a", "b"},
		"bASIC YTpi":                         {"a", "b"},
		"Basic  YTpi":                        {"a", "b"},
		"Basic YTo=":                         {"a", ""},
		"Basic JTYxK2I6YyUzQWQrZQ==":         {"a b", "c:d e"}, // RFC 6749 section 2.3.1: %61+b:c%3Ad+e
		"Basic YTpiOmM=":                     {"a", "b:c"},
		"Bearer YTpi":                        {},
		"Basic":                              {},
		"Basic %%":                           {},
		"Basic YQ==":                         {}, // no colon
		"Basic OmI=":                         {}, // no id
		"Basic JTpi":                         {}, // %
		"Basic YTol":                         {},
		"Basic JTAwOmI=":                     {}, // %00
		"Basic /zpi":                         {}, // no UTF-8
		"Basic " + strings.Repeat("A", 8196): {},
		"":                                   {},
	} {
		id, secret, ok := basic(line)
		if id, secret = strings.Clone(id), strings.Clone(secret); ok != (want[0] != "") || ok && (id != want[0] || secret != want[1]) {
			t.Errorf("%.40q: %q %q %v", line, id, secret, ok)
		}
	}
}

func FuzzBasicCredentialsAreReadOrRefused(f *testing.F) {
	for _, seed := range []string{"Basic YTpi", "Basic JTYxK2I6YyUzQWQrZQ==", "basic /zpi", "Bearer x", "Basic YTol"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		id, secret, ok := basic(line)
		if ok && (id == "" || !isText(id) || !isText(secret)) {
			t.Fatalf("%q: %q %q", line, id, secret)
		}
	})
}

func TestOnlyTheMediaTypeOfAFormIsTaken(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  bool
	}{
		{[]string{"application/x-www-form-urlencoded"}, true},
		{[]string{"Application/X-WWW-form-urlencoded"}, true},
		{[]string{"application/x-www-form-urlencoded; charset=UTF-8"}, true},
		{[]string{`application/x-www-form-urlencoded ;charset="utf-8"`}, true},
		{[]string{"application/x-www-form-urlencoded; charset=utf-16"}, false},
		{[]string{"application/x-www-form-urlencoded2"}, false},
		{[]string{"application/json"}, false},
		{[]string{"multipart/form-data; boundary=x"}, false},
		{[]string{"text/plain"}, false},
		{[]string{""}, false},
		{nil, false},
		{[]string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded"}, false},
	} {
		if got := isForm(c.lines); got != c.want {
			t.Errorf("%q: %v", c.lines, got)
		}
	}
}

func TestTheSignedFormIsSentToWhoWantsItMost(t *testing.T) {
	for accept, want := range map[string]bool{
		"application/token-introspection+jwt":                               true,
		"application/json, application/token-introspection+jwt":             true,
		"application/json;q=0.5, application/token-introspection+jwt;q=0.9": true,
		"application/json, application/token-introspection+jwt;q=0.9":       false,
		"application/token-introspection+jwt;q=0":                           false,
		"application/token-introspection+jwt; q=x":                          false,
		"application/token-introspection+jwt;v=1;q=1":                       true,
		"application/json": false,
		"*/*":              false,
		"":                 false,
	} {
		if got := wantsJWT([]string{accept}); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
	if !wantsJWT([]string{"text/html", "application/token-introspection+jwt"}) {
		t.Error("several lines are one list")
	}
}

func FuzzADescriptionHoldsOnlyWhatRFC6749Allows(f *testing.F) {
	f.Add("Say \"yes\\no\"\n – it’s fine")
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range []byte(described(s)) {
			if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
				t.Fatalf("%q: %q", s, described(s))
			}
		}
	})
}
