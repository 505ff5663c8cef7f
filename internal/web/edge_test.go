package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/token"
)

func TestWhereARequestCameFrom(t *testing.T) {
	k, _, _ := newKit(t, "https://keys.example.com", "10.0.0.0/8", "2001:db8::/32")
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"203.0.113.9:1234", nil, "203.0.113.9"},
		{"203.0.113.9:1234", []string{"198.51.100.1"}, "203.0.113.9"}, // who is no proxy of ours is not believed
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"}, // the left one is the client's own word
		{"10.0.0.1:1", []string{"198.51.100.1, 10.0.0.7,10.1.1.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"198.51.100.1", "10.0.0.7"}, "198.51.100.1"}, // two lines are one list
		{"10.0.0.1:1", []string{"10.0.0.7, 10.0.0.8"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1, nonsense"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1,"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"[2001:db9::1]:80"}, "2001:db9::1"},
		{"[2001:db8::5]:1", []string{"2001:db9::1"}, "2001:db9::1"},
		{"[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := k.Origin(r).Address.String(); got != c.want {
			t.Errorf("peer %s, forwarded %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestASessionNeedsHTTPSOrThisMachine(t *testing.T) {
	for _, c := range []struct {
		public, host string
		cookie       string // "" where no session can begin
	}{
		{"https://keys.example.com", "keys.example.com", "__Host-keywright"},
		{"https://keys.example.com", "10.0.0.5:8080", "__Host-keywright"}, // a proxy ends TLS
		{"http://127.0.0.1:8080", "127.0.0.1:8080", "keywright"},
		{"http://127.0.0.1:8080", "localhost:8080", "keywright"},
		{"http://localhost:8080", "a.localhost:8080", "keywright"},
		{"http://[::1]:8080", "[::1]:8080", "keywright"},
		{"http://[::1]:8080", "[::1]", "keywright"},
		{"http://0.0.0.0:8080", "localhost:8080", "keywright"},
		{"http://0.0.0.0:8080", "192.168.1.5:8080", ""},
		{"http://127.0.0.1:8080", "192.168.1.5:8080", ""},
		{"http://127.0.0.1:8080", "127.0.0.1.evil.example", ""},
		{"http://keys.example.com", "keys.example.com", ""},
		{"http://keys.example.com", "localhost", ""},
		{"http://192.168.1.5:8080", "192.168.1.5:8080", ""},
	} {
		k, _, _ := newKit(t, c.public)
		r := httptest.NewRequest("POST", "/", nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		err := k.SetSession(w, r, token.SecretOf("secret"))
		cookies := w.Result().Cookies()
		if c.cookie == "" {
			if fault.CodeOf(err) != "https_required" || len(cookies) != 0 {
				t.Errorf("%s at %s: %v %v", c.public, c.host, err, cookies)
			}
			continue
		}
		if err != nil || len(cookies) != 1 {
			t.Fatalf("%s at %s: %v", c.public, c.host, err)
		}
		got, secure := cookies[0], strings.HasPrefix(c.public, "https")
		if got.Name != c.cookie || got.Value != "secret" || got.Secure != secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" {
			t.Errorf("%s at %s: %v", c.public, c.host, got)
		}
		w = httptest.NewRecorder()
		k.ClearSession(w)
		if last := w.Result().Cookies()[0]; last.MaxAge >= 0 || last.Value != "" || last.Name != c.cookie {
			t.Errorf("cleared: %v", last)
		}
	}
}

func TestOnlyOneCredentialIsTaken(t *testing.T) {
	k, _, _ := newKit(t, "http://127.0.0.1:8080")
	r := httptest.NewRequest("GET", "/", nil)
	if _, err := k.Identity(r); fault.CodeOf(err) != "sign_in_required" {
		t.Errorf("without: %v", err)
	}
	r.Header.Set("Authorization", "Basic eDp5") // a proxy's
	if _, err := k.Identity(r); fault.CodeOf(err) != "sign_in_required" {
		t.Errorf("with Basic: %v", err)
	}
	r.Header["Authorization"] = []string{"Bearer a", "Bearer b"}
	if _, err := k.Identity(r); fault.CodeOf(err) != "bad_request" {
		t.Errorf("with two: %v", err)
	}
	for header, want := range map[string]string{"Bearer abc": "abc", "bearer  abc ": "abc", "BEARER": "", "Bearer a b": "a b"} {
		r.Header.Set("Authorization", header)
		if secret, sent, err := bearerOf(r); !sent || err != nil || secret.Reveal() != want {
			t.Errorf("%q: %q %t %v", header, secret.Reveal(), sent, err)
		}
	}
}

func TestBodiesAreTextOfABoundedSize(t *testing.T) {
	for body, want := range map[string]string{
		"": "", "hello": "", strings.Repeat("x", MaxBody): "", strings.Repeat("x", MaxBody+1): "too_large", "a\x00b": "bad_request", "a\xff": "bad_request", "é": "",
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		got, err := Body(httptest.NewRecorder(), r)
		if string(fault.CodeOf(err)) != want || err == nil && string(got) != body {
			t.Errorf("%.10q…: %v", body, err)
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("a=1&a=2&b=%C3%A9"))
	if form, err := Form(httptest.NewRecorder(), r); err != nil || len(form["a"]) != 2 || form.Get("b") != "é" {
		t.Errorf("%v %v", form, err)
	}
	for _, bad := range []string{"a=%zz", "a=%00", "%ff=1", "a=1;b=2", "a=b%ff"} {
		if _, err := ParseQuery(bad); fault.CodeOf(err) != "bad_request" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAddressesBelowThePublicURL(t *testing.T) {
	k, _, _ := newKit(t, "https://keys.example.com/")
	if got := k.URL("/settings"); got != "https://keys.example.com/settings" {
		t.Error(got)
	}
	if got := k.LinkURL(token.SecretOf("abc")); got != "https://keys.example.com/welcome/abc" {
		t.Error(got)
	}
	if k.ProductName() != "Keywright" {
		t.Error(k.ProductName())
	}
}

func BenchmarkOriginBehindAProxy(b *testing.B) {
	k, _, _ := newKit(b, "https://keys.example.com", "10.0.0.0/8")
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header["X-Forwarded-For"] = []string{"198.51.100.1, 10.0.0.7"}
	b.ReportAllocs()
	for b.Loop() {
		k.Origin(r)
	}
}

func TestASampleLetsOneEventASecondThrough(t *testing.T) {
	var s Sample
	at := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, want := range []bool{true, false, false, false, true, false} { // four to a second
		if got := s.Due(at.Add(time.Duration(i) * 250 * time.Millisecond)); got != want {
			t.Errorf("after %d ms: %v", i*250, got)
		}
	}
	if s.Due(at) {
		t.Error("a clock that was put back lets a second one through")
	}
}
