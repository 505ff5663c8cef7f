package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/config"
)

func load(t *testing.T, text string, env map[string]string) (config.Config, []config.Problem) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keywright.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path, func(name string) string { return env[name] })
}

const good = "public_url: https://tokens.example.com\ndatabase: kw.db\n"

func TestAGoodFileGivesWhatItSaysAndDefaultsForTheRest(t *testing.T) {
	c, problems := load(t, good+"trusted_proxies: [10.1.2.3/8, '::1']\ncache_records: 5000\nretired_prefixes: [old]\n", nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if c.Public().String() != "https://tokens.example.com" || c.Listen != ":8080" || c.MetricsListen != "127.0.0.1:8081" || c.CacheRecords != 5000 {
		t.Errorf("%+v", c)
	}
	if got := c.Proxies(); len(got) != 2 || got[0].String() != "10.0.0.0/8" || got[1].String() != "::1/128" {
		t.Errorf("proxies %v", got)
	}
}

func TestTheEnvironmentWinsOverTheFile(t *testing.T) {
	c, problems := load(t, good+"listen: ':1'\n", map[string]string{"KEYWRIGHT_LISTEN": ":2", "KEYWRIGHT_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1", "KEYWRIGHT_CACHE_RECORDS": "2000"})
	if len(problems) > 0 || c.Listen != ":2" || len(c.TrustedProxies) != 2 || c.CacheRecords != 2000 {
		t.Errorf("%v %+v", problems, c)
	}
}

func TestEveryProblemIsReportedAtOnceWithItsLine(t *testing.T) {
	for _, c := range []struct {
		name, text string
		env        map[string]string
		want       []string // parts, in order
	}{
		{"nothing", "", nil, []string{"public_url: say where", "database: say where"}},
		{"unknown keys", good + "lisen: x\nsecret: y\n", nil, []string{"line 3: lisen: there is no such setting; did you mean listen?", "line 4: secret: there is no such setting"}},
		{"wrong types", good + "listen: [a]\ncache_records: many\ntrusted_proxies: {a: b}\n", nil, []string{"line 3: listen: want a text", "line 4: cache_records: want a whole number", "line 5: trusted_proxies: want a list"}},
		{"a key twice", good + "listen: a\nlisten: b\n", nil, []string{"listen"}},
		{"not YAML", "public_url: [", nil, []string{"not YAML"}},
		{"a list", "- a\n", nil, []string{"want lines such as"}},
		{"two documents", good + "---\nlisten: x\n", nil, []string{"several YAML documents"}},
		{"http in the open", "public_url: http://tokens.example.com\ndatabase: x\n", nil, []string{"line 1: public_url: must begin with https://"}},
		{"a path", "public_url: https://example.com/tokens\ndatabase: x\n", nil, []string{"scheme and host alone"}},
		{"credentials in the address", "public_url: https://a:b@example.com\ndatabase: x\n", nil, []string{"scheme and host alone"}},
		{"half a key pair", good + "tls_certificate: c.pem\n", nil, []string{"tls_key: tls_certificate and tls_key go together"}},
		{"numbers out of range", good + "cache_records: 1\nshutdown_seconds: 0\n", nil, []string{"line 3: cache_records: want 1000 to", "line 4: shutdown_seconds: want 1 to"}},
		{
			"colour, prefix, level, format, name", good + "accent: red\ntoken_prefix: Kw\nlog_level: loud\nlog_format: xml\nproduct_name: ''\n", nil,
			[]string{"line 3: accent", "line 4: token_prefix", "line 5: log_level", "line 6: log_format", "line 7: product_name"},
		},
		{"a keyset in the file", good + "keyset: '{}'\n", nil, []string{"line 3: keyset: a secret has no place in this file: set it as a variable (KEYWRIGHT_KEYSET)"}},
		{"two keysets", good + "keyset_file: k\n", map[string]string{"KEYWRIGHT_KEYSET": "{}"}, []string{"line 3: keyset_file: the keyset is given twice"}},
		{"PostgreSQL without a keyset", "public_url: https://x.example\ndatabase: postgres://x/y\n", nil, []string{"keyset_file: with PostgreSQL, say where the keyset is"}},
		{"a variable", good, map[string]string{"KEYWRIGHT_CACHE_RECORDS": "x"}, []string{"cache_records: want a whole number (KEYWRIGHT_CACHE_RECORDS)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := load(t, c.text, c.env)
			var all []string
			for _, p := range problems {
				all = append(all, p.String())
			}
			rest := strings.Join(all, "\n")
			for _, want := range c.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("no %q (in this order) in:\n%s", want, strings.Join(all, "\n"))
				}
				rest = after
			}
		})
	}
}

func TestTheKeysetIsBesideASQLiteDatabaseUnlessItIsSaid(t *testing.T) {
	for _, c := range []struct {
		text string
		env  map[string]string
		want string
	}{
		{good, nil, "kw.db.keyset"},
		{"public_url: https://x.example\ndatabase: sqlite:///var/kw.db\n", nil, "/var/kw.db.keyset"},
		{good + "keyset_file: /etc/k\n", nil, "/etc/k"},
		{"public_url: https://x.example\ndatabase: postgres://x/y\nkeyset_file: /etc/k\n", nil, "/etc/k"},
		{"public_url: https://x.example\ndatabase: postgres://x/y\n", map[string]string{"KEYWRIGHT_KEYSET": "{}"}, ""},
	} {
		cfg, problems := load(t, c.text, c.env)
		if len(problems) > 0 || cfg.KeysetPath() != c.want || cfg.Keyset.Reveal() != c.env["KEYWRIGHT_KEYSET"] {
			t.Errorf("%s: %q, %v", c.text, cfg.KeysetPath(), problems)
		}
	}
}

func TestHTTPIsGoodEnoughOnThisMachineItself(t *testing.T) {
	for _, url := range []string{"http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080", "http://kw.localhost/"} {
		if _, problems := load(t, "public_url: "+url+"\ndatabase: x\n", nil); len(problems) > 0 {
			t.Error(url, problems)
		}
	}
}

func TestAFileThatIsNotThereIsAProblemAndNoFileIsNone(t *testing.T) {
	env := map[string]string{"KEYWRIGHT_PUBLIC_URL": "https://x.example", "KEYWRIGHT_DATABASE": "x"}
	if _, problems := config.Load("/nowhere/at/all", func(n string) string { return env[n] }); len(problems) != 1 {
		t.Error(problems)
	}
	if _, problems := config.Load("", func(n string) string { return env[n] }); len(problems) != 0 {
		t.Error(problems)
	}
}

func FuzzNoFileMakesItPanic(f *testing.F) {
	f.Add(good)
	f.Add("public_url: {a: [b, c]}\n*x: &y\n")
	f.Fuzz(func(t *testing.T, text string) { _, _ = load(t, text, nil) })
}
