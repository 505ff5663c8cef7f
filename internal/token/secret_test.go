package token_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	htmltemplate "html/template"
	"log/slog"
	"math/big"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/token"
)

var kinds = []token.Kind{token.KindPAT, token.KindApp, token.KindRefresh, token.KindAccess}

func format(t testing.TB, prefix string, retired ...string) token.Format {
	t.Helper()
	f, err := token.NewFormat(prefix, retired...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

type vectors struct {
	Prefix  string
	Retired []string
	Valid   []struct {
		What, Presented string
		Kind            token.Kind
		CRC32           uint32
		SHA256          string
	}
	Invalid []struct{ What, Presented string }
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseAgreesWithTheVectors(t *testing.T) {
	v := readVectors(t)
	f := format(t, v.Prefix, v.Retired...)
	for _, c := range v.Valid {
		t.Run(c.What, func(t *testing.T) {
			if kind, ok := f.Parse(c.Presented); !ok || kind != c.Kind {
				t.Errorf("Parse = %q, %v; want %q", kind, ok, c.Kind)
			}
			if sum := crc32.ChecksumIEEE([]byte(c.Presented[:len(c.Presented)-6])); sum != c.CRC32 {
				t.Errorf("CRC-32 %d, want %d", sum, c.CRC32)
			}
			hash := token.HashOf(c.Presented)
			if got := hex.EncodeToString(hash[:]); got != c.SHA256 {
				t.Errorf("hash %s, want %s", got, c.SHA256)
			}
		})
	}
	for _, c := range v.Invalid {
		t.Run(c.What, func(t *testing.T) {
			if kind, ok := f.Parse(c.Presented); ok || kind != "" {
				t.Errorf("Parse = %q, %v; want a refusal without a kind", kind, ok)
			}
		})
	}
}

func TestThirtyZerosEndIn1iPMr3(t *testing.T) {
	body := "kw_pat_" + strings.Repeat("0", 30)
	if sum := crc32.ChecksumIEEE([]byte(body)); sum != 1572337673 {
		t.Fatalf("CRC-32 %d", sum)
	}
	if kind, ok := format(t, "kw").Parse(body + "1iPMr3"); !ok || kind != token.KindPAT {
		t.Errorf("Parse = %q, %v", kind, ok)
	}
}

func TestNewFormatRefusesPrefixesThatCanNotBeTold(t *testing.T) {
	for _, prefix := range []string{"", "KW", "1kw", "k_w", "k-w", "kw ", "kw\n", strings.Repeat("a", 17), "é"} {
		if _, err := token.NewFormat(prefix); err == nil {
			t.Errorf("%q was taken", prefix)
		}
		if _, err := token.NewFormat("kw", prefix); err == nil {
			t.Errorf("%q was taken as a retired prefix", prefix)
		}
	}
	format(t, "a")
	format(t, strings.Repeat("a", 16), "b2", "kw")
}

func TestWhatIsGeneratedParsesToItsKindUnderCurrentAndRetiredPrefixes(t *testing.T) {
	form := regexp.MustCompile(`^[a-z][a-z0-9]{0,15}_(pat|sec|rt|at)_[0-9A-Za-z]{36}$`)
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.StringMatching(`[a-z][a-z0-9]{0,15}`)
		old, now := prefix.Draw(t, "old"), prefix.Draw(t, "now")
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		before, err := token.NewFormat(old)
		if err != nil {
			t.Fatal(err)
		}
		after, err := token.NewFormat(now, "other", old)
		if err != nil {
			t.Fatal(err)
		}
		secret := before.New(kind).Reveal()
		if !form.MatchString(secret) {
			t.Fatalf("a secret of the wrong form, %d bytes", len(secret))
		}
		for _, f := range []token.Format{before, after} {
			if got, ok := f.Parse(secret); !ok || got != kind {
				t.Fatalf("Parse = %q, %v; want %q", got, ok, kind)
			}
		}
		if fresh := after.New(kind).Reveal(); !strings.HasPrefix(fresh, now+"_") {
			t.Fatal("a new secret does not have the current prefix")
		}
		if alone, _ := token.NewFormat(now); old != now {
			if _, ok := alone.Parse(secret); ok {
				t.Fatal("a prefix that was never this installation's is recognised")
			}
		}
	})
}

// The retired prefixes are one change away from the current one, and so are the kinds rt, at and pat.
func TestAnyChangeOfOneCharacterIsRefused(t *testing.T) {
	f := format(t, "kw", "k", "kx", "kww", "w")
	for _, kind := range kinds {
		secret := f.New(kind).Reveal()
		refuse := func(changed, how string, at int) {
			if _, ok := f.Parse(changed); ok {
				t.Errorf("%s: %s at %d is not noticed", kind, how, at)
			}
		}
		for at := range len(secret) + 1 {
			for c := range 256 {
				refuse(secret[:at]+string([]byte{byte(c)})+secret[at:], "an insertion", at)
				if at < len(secret) && secret[at] != byte(c) {
					refuse(secret[:at]+string([]byte{byte(c)})+secret[at+1:], "a change", at)
				}
			}
			if at < len(secret) {
				refuse(secret[:at]+secret[at+1:], "a deletion", at)
			}
		}
	}
}

func TestNoTwoOfAMillionAreEqual(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	f := format(t, "kw")
	seen := make(map[token.Hash]struct{}, n)
	for range n {
		seen[f.New(token.KindPAT).Hash()] = struct{}{}
	}
	if len(seen) != n {
		t.Fatalf("%d different ones of %d", len(seen), n)
	}
}

// Each of 62 characters is as likely as the others: the chi-squared statistic of 300,000 draws, with 61
// degrees of freedom, is above 140 about once in ten million runs. Taking bytes modulo 62 gives 2,500.
func TestRandomTextFavoursNoCharacter(t *testing.T) {
	const n = 300_000
	count := map[rune]int{}
	for _, c := range token.RandomText(n).Reveal() {
		count[c]++
	}
	if len(count) != 62 {
		t.Fatalf("%d characters, want 62", len(count))
	}
	var chi float64
	for _, got := range count {
		d := float64(got) - n/62.0
		chi += d * d / (n / 62.0)
	}
	if chi > 140 {
		t.Errorf("chi-squared %.0f", chi)
	}
}

func TestASecretNeverPrintsInClear(t *testing.T) {
	secret := format(t, "kw").New(token.KindPAT)
	clear := secret.Reveal()
	type open struct{ S token.Secret }
	type closed struct{ s token.Secret }
	values := []any{
		secret, &secret,
		open{secret},
		&open{secret},
		closed{secret},
		&closed{secret},
		[]token.Secret{secret},
		map[string]token.Secret{"a": secret},
		[]any{closed{secret}},
		map[string]any{"a": &closed{secret}},
		closed{secret}.s,
	}
	outputs := map[string]string{}
	for i, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%p", "%w", "%10.3s", "%T", "%z"} {
			outputs[fmt.Sprint(i, verb)] = fmt.Sprintf(verb, v)
			outputs[fmt.Sprint(i, verb, " in an error")] = fmt.Errorf("a: "+verb, v).Error()
		}
		outputs[fmt.Sprint(i, " too many")] = fmt.Sprintf("%s", append([]any{"a"}, v)...)
		outputs[fmt.Sprint(i, " Sprint")] = fmt.Sprint(v, v) + fmt.Sprintln(v)
		encoded, _ := json.Marshal(v)
		outputs[fmt.Sprint(i, " json")] = string(encoded)
		encoded, _ = xml.Marshal(v)
		outputs[fmt.Sprint(i, " xml")] = string(encoded)
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("a", slog.Any("secret", v), slog.Group("g", slog.Any("secret", v)))
		slog.New(slog.NewJSONHandler(&log, nil)).Info("a", slog.Any("secret", v), slog.Group("g", slog.Any("secret", v)))
		outputs[fmt.Sprint(i, " slog")] = log.String()
		var page bytes.Buffer
		if err := errors.Join(template.Must(template.New("").Parse("{{.}}")).Execute(&page, v),
			htmltemplate.Must(htmltemplate.New("").Parse("<a title={{.}}>{{.}}</a>")).Execute(&page, v)); err != nil {
			t.Fatal(err)
		}
		outputs[fmt.Sprint(i, " template")] = page.String()
	}
	for how, out := range outputs {
		for _, form := range []string{clear, clear[7:19], hex.EncodeToString([]byte(clear[7:19])), strings.ToUpper(hex.EncodeToString([]byte(clear[7:19])))} {
			if strings.Contains(out, form) {
				t.Errorf("value %s shows the secret", how)
			}
		}
	}
	for _, how := range []string{"0%v", "0%+v", "0%#v", "0%s", "0%q", "0%d", "0 json", "2%v", "2 json"} {
		if !strings.Contains(outputs[how], "[redacted]") {
			t.Errorf("value %s does not say that it is redacted: %s", how, outputs[how])
		}
	}
}

func TestTheZeroSecretIsEmptyAndDoesNotPanic(t *testing.T) {
	var s token.Secret
	if s.Reveal() != "" || s.Hint() != "" || fmt.Sprint(s) != "[redacted]" || s.Hash() != token.HashOf("") {
		t.Error("the zero secret is not empty")
	}
	if got := token.SecretOf("abc").Hint(); got != "abc" {
		t.Errorf("Hint = %q", got)
	}
	if got := token.SecretOf("abcdef").Hint(); got != "cdef" {
		t.Errorf("Hint = %q", got)
	}
}

func TestParseAndHashAllocateNothing(t *testing.T) {
	f := format(t, "kw", "old", "older")
	for name, presented := range map[string]string{
		"good": f.New(token.KindPAT).Reveal(), "refresh": f.New(token.KindRefresh).Reveal(), "retired": format(t, "older").New(token.KindApp).Reveal(),
		"wrong checksum": f.New(token.KindPAT).Reveal()[:42] + "_", "long": strings.Repeat("kw_pat_", 2000), "empty": "",
	} {
		var hash token.Hash
		if n := testing.AllocsPerRun(100, func() {
			if _, ok := f.Parse(presented); ok {
				hash = token.HashOf(presented)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		_ = hash
	}
}

func FuzzParse(f *testing.F) {
	v := readVectors(f)
	for _, c := range v.Valid {
		f.Add(c.Presented)
	}
	for _, c := range v.Invalid {
		f.Add(c.Presented)
	}
	form := regexp.MustCompile(`^(?:kw|acme1)_(pat|sec|rt|at)_[0-9A-Za-z]{36}$`)
	fm := format(f, v.Prefix, v.Retired...)
	f.Fuzz(func(t *testing.T, presented string) {
		kind, ok := fm.Parse(presented)
		m := form.FindStringSubmatch(presented)
		want := m != nil && sumOf(presented[:len(presented)-6]) == presented[len(presented)-6:]
		if ok != want || ok && string(kind) != m[1] || !ok && kind != "" {
			t.Errorf("Parse(%q) = %q, %v; want %v", presented, kind, ok, want)
		}
		if len(presented) >= 4 && !strings.Contains("[redacted]", presented) && strings.Contains(fmt.Sprint(token.SecretOf(presented)), presented) {
			t.Error("a presented credential prints")
		}
	})
}

// sumOf is the checksum by another way: big.Int's base 62 has the small letters first.
func sumOf(body string) string {
	s := fmt.Sprintf("%06s", new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(body)))).Text(62))
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

func BenchmarkParseAndHash(b *testing.B) {
	f := format(b, "kw")
	presented := f.New(token.KindPAT).Reveal()
	var hash token.Hash
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := f.Parse(presented); !ok {
			b.Fatal("refused")
		}
		hash = token.HashOf(presented)
	}
	if hash == (token.Hash{}) {
		b.Fatal("no hash")
	}
}

func BenchmarkNew(b *testing.B) {
	f := format(b, "kw")
	b.ReportAllocs()
	for b.Loop() {
		f.New(token.KindPAT)
	}
}

func TestTheEndOfAForeignSecretIsShownOnlyWhereItIsLittleOfIt(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"": "", "pin7": "", "fifteen-letters": "", "sixteen-letters!": "ers!",
		"long-enough-but-\u20ac\u20ac": "", "long-enough-but-with a b": "", "long-enough-but-\x7fabc": "",
	} {
		if got := token.SecretOf(secret).ForeignHint(); got != want {
			t.Errorf("%q: %q, want %q", secret, got, want)
		}
	}
}
