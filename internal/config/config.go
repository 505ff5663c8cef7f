// Package config is how an operator says what a server should be: one struct, from a YAML file and the
// environment.
//
// The struct is the documentation: every field says its key, its variable, its default and what it is
// for, and `keywright check-config` and docs/operations.md are made from the same tags. A file is read
// strictly and as a whole: unknown keys, wrong types and contradictions are all reported at once, each
// with its line. Security settings have no default that is convenient and unsafe: what is missing is a
// problem, and a server with a problem does not start.
package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/keywright/keywright/internal/token"
)

// Config is all that can be set. Environment variables win over the file.
type Config struct {
	PublicURL       string       `yaml:"public_url" env:"KEYWRIGHT_PUBLIC_URL" doc:"Where people and programs reach this server, such as https://tokens.example.com. Required. It must be https unless it is on this machine itself (loopback)."`
	Database        string       `yaml:"database" env:"KEYWRIGHT_DATABASE" doc:"A path for SQLite, or a postgres:// address. Required. Keep passwords out of the file: use the variable."`
	KeysetFile      string       `yaml:"keyset_file" env:"KEYWRIGHT_KEYSET_FILE" doc:"The file with the keys under which the database keeps signing keys and client secrets; keywright keyset create makes one. Keep it apart from the database's backups. Beside a SQLite database when left out, its path and .keyset, and made at the first start; required with PostgreSQL."`
	Keyset          token.Secret `yaml:"keyset" env:"KEYWRIGHT_KEYSET" doc:"The text of that file instead, for containers. As a variable only."`
	Listen          string       `yaml:"listen" env:"KEYWRIGHT_LISTEN" default:":8080" doc:"Address of pages, API and checks."`
	MetricsListen   string       `yaml:"metrics_listen" env:"KEYWRIGHT_METRICS_LISTEN" default:"127.0.0.1:8081" doc:"Address of /metrics and profiles, or off. Keep it private."`
	TLSCertificate  string       `yaml:"tls_certificate" env:"KEYWRIGHT_TLS_CERTIFICATE" doc:"PEM file with the certificate chain, to serve HTTPS without a proxy. Read again when it changes."`
	TLSKey          string       `yaml:"tls_key" env:"KEYWRIGHT_TLS_KEY" doc:"PEM file with the key of tls_certificate."`
	TrustedProxies  []string     `yaml:"trusted_proxies" env:"KEYWRIGHT_TRUSTED_PROXIES" doc:"Addresses or networks whose X-Forwarded-For is believed, such as 10.0.0.0/8. In the variable, separated by commas."`
	ProductName     string       `yaml:"product_name" env:"KEYWRIGHT_PRODUCT_NAME" default:"Keywright" doc:"The name at the top of every page."`
	Accent          string       `yaml:"accent" env:"KEYWRIGHT_ACCENT" doc:"Accent colour of the pages, such as #3257d5. Its contrast is checked at start."`
	TokenPrefix     string       `yaml:"token_prefix" env:"KEYWRIGHT_TOKEN_PREFIX" default:"kw" doc:"First part of every secret that is issued: 1 to 16 lower-case letters and digits."`
	RetiredPrefixes []string     `yaml:"retired_prefixes" env:"KEYWRIGHT_RETIRED_PREFIXES" doc:"Earlier prefixes whose secrets still work."`
	CacheRecords    int          `yaml:"cache_records" env:"KEYWRIGHT_CACHE_RECORDS" default:"1000000" doc:"How many tokens are kept in memory for checks; about 160 bytes each."`
	ReadConnections int          `yaml:"database_connections" env:"KEYWRIGHT_DATABASE_CONNECTIONS" default:"0" doc:"Connections to the database; 0 chooses."`
	LogLevel        string       `yaml:"log_level" env:"KEYWRIGHT_LOG_LEVEL" default:"info" doc:"debug, info, warn or error."`
	LogFormat       string       `yaml:"log_format" env:"KEYWRIGHT_LOG_FORMAT" default:"json" doc:"json or text."`
	ShutdownSeconds int          `yaml:"shutdown_seconds" env:"KEYWRIGHT_SHUTDOWN_SECONDS" default:"30" doc:"How long running requests may take to end when the server is stopped."`
	Feeds           []Feed       `yaml:"feeds" doc:"Databases whose tables are published as OData feeds. A list; each has:"`
}

// Problem is one thing that is wrong.
type Problem struct {
	Line int    // in the file; 0 when it is not about a line
	Key  string // "" when it is about the file as a whole
	Text string
}

func (p Problem) String() string {
	if p.Key == "" {
		return p.Text
	}
	where := p.Key
	if p.Line > 0 {
		where = fmt.Sprintf("line %d: %s", p.Line, p.Key)
	}
	return strings.TrimSuffix(where, ": ") + ": " + p.Text
}

// Load reads a file ("" for none) and the environment, and returns every problem at once. The Config is
// usable only when there are none.
func Load(path string, getenv func(string) string) (Config, []Problem) {
	r := reader{lines: map[string]int{}, getenv: getenv}
	r.defaults("", reflect.ValueOf(&r.c).Elem())
	if path != "" && !r.file(path) {
		return r.c, r.problems // what it should say is not known
	}
	r.environment()
	r.check()
	return r.c, r.problems
}

type reader struct {
	c        Config
	getenv   func(string) string
	lines    map[string]int
	problems []Problem
}

func (r *reader) bad(key, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: r.lines[key], Key: key, Text: fmt.Sprintf(format, args...)})
}

// defaults sets what a struct's tags say. Prefix is what stands before its keys.
func (r *reader) defaults(prefix string, into reflect.Value) {
	for f, v := range into.Fields() {
		if d := f.Tag.Get("default"); d != "" {
			r.set(prefix, f, v, d)
		}
	}
}

func (r *reader) environment() {
	for f, v := range reflect.ValueOf(&r.c).Elem().Fields() {
		name := f.Tag.Get("env")
		if name == "" {
			continue
		}
		if s := r.getenv(name); s != "" {
			delete(r.lines, f.Tag.Get("yaml"))
			r.set("", f, v, s)
		}
	}
}

func (r *reader) set(prefix string, f reflect.StructField, v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(s)
		if err != nil {
			r.bad(prefix+f.Tag.Get("yaml"), "want a whole number (%s)", f.Tag.Get("env"))
			return
		}
		v.SetInt(int64(n))
	case reflect.Slice:
		var list []string
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		v.Set(reflect.ValueOf(list))
	case reflect.Struct:
		v.Set(reflect.ValueOf(token.SecretOf(s)))
	default:
		v.SetString(s)
	}
}

// file reads the file; false when it can't be read at all.
func (r *reader) file(path string) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		r.problems = append(r.problems, Problem{Text: fmt.Sprintf("the file can't be read: %v", err)})
		return false
	}
	doc, err := parser.ParseBytes(text, 0)
	if err != nil {
		r.problems = append(r.problems, Problem{Text: "this is not YAML: " + yaml.FormatError(err, false, true)})
		return false
	}
	if len(doc.Docs) > 1 {
		r.problems = append(r.problems, Problem{Text: "the file has several YAML documents; want one"})
	}
	if len(doc.Docs) == 0 || doc.Docs[0].Body == nil {
		return true // an empty file: everything may come from the environment
	}
	pairs, ok := pairsOf(doc.Docs[0].Body)
	if !ok {
		r.problems = append(r.problems, Problem{Text: "want lines such as \"public_url: https://tokens.example.com\""})
		return false
	}
	r.mapping("", pairs, reflect.ValueOf(&r.c).Elem())
	return true
}

// pairsOf reads a mapping; false when the node is none.
func pairsOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// mapping reads the settings of a struct. Prefix is what stands before their keys in problems.
func (r *reader) mapping(prefix string, pairs []*ast.MappingValueNode, into reflect.Value) {
	seen := map[string]bool{}
	for _, pair := range pairs {
		key := pair.Key.String()
		r.lines[prefix+key] = pair.Key.GetToken().Position.Line
		if seen[key] {
			r.bad(prefix+key, "this key is in the file twice")
			continue
		}
		seen[key] = true
		known := false
		for f, v := range into.Fields() {
			if f.Tag.Get("yaml") == key {
				known = true
				r.value(prefix+key, pair.Value, f, v)
			}
		}
		if !known {
			r.bad(prefix+key, "there is no such setting%s", nearest(into.Type(), key))
		}
	}
}

// value reads one setting.
func (r *reader) value(key string, node ast.Node, f reflect.StructField, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct:
		r.bad(key, "a secret has no place in this file: set it as a variable (%s)", f.Tag.Get("env"))
		return
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		r.list(key, node, v)
		return
	case v.Kind() == reflect.Map:
		pairs, _ := pairsOf(node)
		for _, p := range pairs {
			r.lines[key+"."+p.Key.String()] = p.Key.GetToken().Position.Line
		}
	}
	if err := yaml.NodeToValue(node, v.Addr().Interface()); err != nil {
		want := map[reflect.Kind]string{
			reflect.Int: "a whole number", reflect.Bool: "true or false", reflect.Slice: "a list of texts", reflect.Map: "lines such as \"orders: …\"",
		}[v.Kind()]
		if want == "" {
			want = "a text"
		}
		r.bad(key, "want %s", want)
	}
}

// list reads a list of structs.
func (r *reader) list(key string, node ast.Node, v reflect.Value) {
	items, ok := node.(*ast.SequenceNode)
	if !ok {
		r.bad(key, "want a list")
		return
	}
	for i, item := range items.Values {
		name := fmt.Sprintf("%s[%d]", key, i)
		r.lines[name] = item.GetToken().Position.Line
		into := reflect.New(v.Type().Elem()).Elem()
		r.defaults(name+".", into)
		if pairs, ok := pairsOf(item); ok {
			r.mapping(name+".", pairs, into)
		} else {
			r.bad(name, "want settings such as \"%s: …\"", into.Type().Field(0).Tag.Get("yaml"))
		}
		v.Set(reflect.Append(v, into))
	}
}

// nearest proposes the setting that was probably meant.
func nearest(in reflect.Type, key string) string {
	best, shared := "", 2
	for f := range in.Fields() {
		name := f.Tag.Get("yaml")
		n := 0
		for n < min(len(name), len(key)) && name[n] == key[n] {
			n++
		}
		if n > shared {
			best, shared = name, n
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func (r *reader) check() {
	c := &r.c
	r.checkURL()
	if c.Database == "" {
		r.bad("database", "say where to keep things: a path for SQLite, or a postgres:// address")
	}
	switch {
	case c.Keyset.Reveal() != "" && c.KeysetFile != "":
		r.bad("keyset_file", "the keyset is given twice: set keyset_file or KEYWRIGHT_KEYSET")
	case c.Keyset.Reveal() == "" && c.Database != "" && c.KeysetPath() == "":
		r.bad("keyset_file", "with PostgreSQL, say where the keyset is; make one with: keywright keyset create FILE")
	}
	if (c.TLSCertificate == "") != (c.TLSKey == "") {
		r.bad("tls_key", "tls_certificate and tls_key go together: set both or neither")
	}
	r.checkAddress("listen", c.Listen)
	if c.MetricsListen != "off" {
		r.checkAddress("metrics_listen", c.MetricsListen)
	}
	for _, p := range c.TrustedProxies {
		if _, err := parsePrefix(p); err != nil {
			r.bad("trusted_proxies", "%q is no address or network, such as 10.0.0.0/8", p)
		}
	}
	if c.Accent != "" && !colour.MatchString(c.Accent) {
		r.bad("accent", "want a colour such as #3257d5")
	}
	if _, err := token.NewFormat(c.TokenPrefix, c.RetiredPrefixes...); err != nil {
		r.bad("token_prefix", "%v", err)
	}
	if _, problem := token.CleanText(c.ProductName, 1, 60); problem != "" {
		r.bad("product_name", "%s", problem)
	}
	for key, v := range map[string][3]int{
		"cache_records": {c.CacheRecords, 1000, 100_000_000}, "database_connections": {c.ReadConnections, 0, 1000}, "shutdown_seconds": {c.ShutdownSeconds, 1, 3600},
	} {
		if v[0] < v[1] || v[0] > v[2] {
			r.bad(key, "want %d to %d", v[1], v[2])
		}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		r.bad("log_level", "want debug, info, warn or error")
	}
	if c.LogFormat != "json" && c.LogFormat != "text" {
		r.bad("log_format", "want json or text")
	}
	r.checkFeeds()
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
}

func (r *reader) checkAddress(key, addr string) {
	_, port, err := net.SplitHostPort(addr)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65535 {
		r.bad(key, "want an address with a port, such as :8080 or 127.0.0.1:8080")
	}
}

func (r *reader) checkURL() {
	u, err := url.Parse(r.c.PublicURL)
	switch {
	case r.c.PublicURL == "":
		r.bad("public_url", "say where people reach this server, such as https://tokens.example.com")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		r.bad("public_url", "want an address such as https://tokens.example.com")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		r.bad("public_url", "want scheme and host alone, such as https://tokens.example.com")
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		// Secrets would cross the network in clear.
		r.bad("public_url", "must begin with https:// unless it is on this machine (127.0.0.1, localhost)")
	}
}

// Loopback reports whether a host is this machine itself.
func Loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func parsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// Proxies returns the trusted networks.
func (c *Config) Proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range c.TrustedProxies {
		if p, err := parsePrefix(s); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// Public returns the public URL without a trailing slash.
func (c *Config) Public() *url.URL {
	u, err := url.Parse(strings.TrimSuffix(c.PublicURL, "/"))
	if err != nil {
		return &url.URL{}
	}
	return u
}

// address is the form of what is no path: PostgreSQL's, in either of its two forms.
var address = regexp.MustCompile(`^(?i:postgres(?:ql)?)://|^\s*(?:host|hostaddr|port|user|password|dbname|service|sslmode)\s*=`)

// KeysetPath is where the keyset file is: where it was set, else beside a SQLite database; "" with PostgreSQL.
func (c *Config) KeysetPath() string {
	if c.KeysetFile != "" || address.MatchString(c.Database) {
		return c.KeysetFile
	}
	path, isURL := strings.CutPrefix(c.Database, "sqlite:")
	if isURL {
		path = strings.TrimPrefix(path, "//")
	}
	return path + ".keyset"
}

// Shutdown returns how long running requests may take to end.
func (c *Config) Shutdown() time.Duration { return time.Duration(c.ShutdownSeconds) * time.Second }

// Reference describes every setting, for docs and help.
func Reference() string {
	var b strings.Builder
	describe(&b, "", reflect.TypeFor[Config]())
	return b.String()
}

func describe(b *strings.Builder, indent string, t reflect.Type) {
	for f := range t.Fields() {
		if f.Tag.Get("doc") == "" {
			continue
		}
		fmt.Fprintf(b, "%s%s\n%s  %s\n", indent, f.Tag.Get("yaml"), indent, f.Tag.Get("doc"))
		var more []string
		if env := f.Tag.Get("env"); env != "" {
			more = append(more, "Variable: "+env+".")
		}
		if d := f.Tag.Get("default"); d != "" {
			more = append(more, "Default: "+d+".")
		}
		if len(more) > 0 {
			fmt.Fprintf(b, "%s  %s\n", indent, strings.Join(more, " "))
		}
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			describe(b, indent+"    ", f.Type.Elem())
		}
	}
}
