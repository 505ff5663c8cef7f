package legacy_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/token"
)

func digests() (d256, d512 []byte) {
	a, b := sha256.Sum256([]byte("old")), sha512.Sum512([]byte("old"))
	return a[:], b[:]
}

func readAll(t testing.TB, text string) (lines []legacy.Line, failed error) {
	t.Helper()
	for l, err := range legacy.Read(strings.NewReader(text)) {
		if err != nil {
			return lines, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func TestBothFormatsSayTheSame(t *testing.T) {
	t.Parallel()
	d, long := digests()
	want := []legacy.Line{
		{
			Number: 1, Owner: "ana@example.com", Name: "Power BI", Description: "Sales", Scopes: token.Scopes{"odata:read", "device"},
			CreatedAt: time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC), ExpiresAt: time.Date(2027, 3, 1, 11, 0, 0, 0, time.UTC),
			Scheme: token.SchemeSHA256, Digest: d,
		},
		{Number: 2, Owner: "bo@example.com", Scheme: token.SchemeSHA512, Digest: long},
		{Number: 3, Owner: "bo@example.com", Scheme: token.SchemeHMAC, Digest: d},
	}
	json := fmt.Sprintf("\xef\xbb\xbf"+`{"owner":"ana@example.com","name":"Power BI","description":"Sales","scopes":["odata:read","device"],"created_at":"2023-05-01","expires_at":"2027-03-01T12:00:00+01:00","sha256":%q}`+"\r\n"+
		`{"owner":"bo@example.com","name":null,"sha512":%q}`+"\n"+`{"owner":"bo@example.com","hmac_sha256":%q}`,
		hex.EncodeToString(d), base64.StdEncoding.EncodeToString(long), base64.RawURLEncoding.EncodeToString(d))
	got, err := readAll(t, json)
	secrets := cmpopts.IgnoreFields(legacy.Line{}, "Secret")
	if diff := cmp.Diff(want, got, secrets); err != nil || diff != "" {
		t.Errorf("JSON Lines: %v %s", err, diff)
	}
	csv := "owner,name,description,scopes,created_at,expires_at,sha256,sha512,hmac_sha256\r\n" +
		"ana@example.com,Power BI,Sales,odata:read device,2023-05-01,2027-03-01T12:00:00+01:00," + strings.ToUpper(hex.EncodeToString(d)) + ",,\r\n" +
		"bo@example.com,,,,,,," + hex.EncodeToString(long) + ",\r\n" +
		"bo@example.com,,,,,,,," + base64.StdEncoding.EncodeToString(d) + "\r\n"
	if got, err = readAll(t, csv); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].Number-- // the header is line 1
	}
	if diff := cmp.Diff(want, got, secrets); diff != "" {
		t.Errorf("CSV: %s", diff)
	}
}

func TestARawSecretIsReadAndNeverPrinted(t *testing.T) {
	t.Parallel()
	lines, err := readAll(t, `{"owner":"ana@example.com","secret":"hunter2-hunter2"}`)
	if err != nil || len(lines) != 1 || !lines[0].Raw() || lines[0].Secret.Reveal() != "hunter2-hunter2" {
		t.Fatalf("got %v %v", lines, err)
	}
	if s := fmt.Sprintf("%v %+v %#v", lines, lines[0], lines[0]); strings.Contains(s, "hunter2") {
		t.Errorf("printed: %s", s)
	}
}

func TestALineThatCannotBeUsedSaysWhyAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	d, _ := digests()
	good := fmt.Sprintf(`{"owner":"ana@example.com","sha256":"%x"}`, d)
	const secret = "s3cr3t-that-must-not-be-told"
	for _, c := range []struct{ name, line, want string }{
		{"no owner", fmt.Sprintf(`{"sha256":"%x"}`, d), "owner is missing"},
		{"no token", `{"owner":"ana@example.com","name":"` + secret + `"}`, "token itself is missing"},
		{"two tokens", fmt.Sprintf(`{"owner":"a@example.com","secret":"`+secret+`","sha256":"%x"}`, d), "not several"},
		{"two tokens, the other way round", fmt.Sprintf(`{"owner":"a@example.com","sha256":"%x","secret":"`+secret+`"}`, d), "not several"},
		{"unknown field", `{"owner":"a@example.com","` + secret + `":"x"}`, "not known here"},
		{"twice", `{"owner":"a@example.com","owner":"` + secret + `"}`, "owner is there twice"},
		{"short digest", `{"owner":"a@example.com","sha256":"` + secret + `"}`, "32 bytes"},
		{"digest that is no hex", `{"owner":"a@example.com","sha256":"` + strings.Repeat("g", 64) + `"}`, "32 bytes"},
		{"digest with loose ends", `{"owner":"a@example.com","sha256":"` + base64.RawStdEncoding.EncodeToString(d)[:42] + `/"}`, "32 bytes"},
		{"wrong size", fmt.Sprintf(`{"owner":"a@example.com","sha512":"%x"}`, d), "64 bytes"},
		{"bad date", fmt.Sprintf(`{"owner":"a@example.com","sha256":"%x","expires_at":"`+secret+`"}`, d), "expires_at must be a date"},
		{"a date that is none", fmt.Sprintf(`{"owner":"a@example.com","sha256":"%x","created_at":"2023-02-30"}`, d), "created_at must be a date"},
		{"number", `{"owner":7}`, "owner must be a text"},
		{"list of lists", `{"owner":"a@example.com","scopes":[["x"]]}`, "list of texts"},
		{"scope with a space", `{"owner":"a@example.com","scopes":["odata:read device"]}`, "list of texts"},
		{"bad scope", `{"owner":"a@example.com","scopes":"\"` + secret + `\""}`, "scope names"},
		{"no scope", fmt.Sprintf(`{"owner":"a@example.com","scopes":[],"sha256":"%x"}`, d), "list of texts"},
		{"blank scopes", fmt.Sprintf(`{"owner":"a@example.com","scopes":" ","sha256":"%x"}`, d), "scope names"},
		{"another coding", `{"owner":"a@example.com","secret":"` + secret + "\xff" + `"}`, "valid text"},
		{"two objects", good + good, "one JSON object"},
		{"no object", `["` + secret + `"]`, "one JSON object"},
		{"half", `{"owner":"` + secret, "must be a text"},
		{"invalid text", `{"owner":"a\u0000@example.com"}`, "valid text"},
		{"too long", `{"owner":"` + strings.Repeat("a", legacy.MaxLine) + `"}`, "too long"},
		{"long secret", `{"owner":"a@example.com","secret":"` + strings.Repeat("a", token.MaxLegacy+1) + `"}`, "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lines, err := readAll(t, good+"\n\n"+c.line+"\n"+good)
			if err != nil || len(lines) != 3 {
				t.Fatalf("%d lines, %v", len(lines), err)
			}
			if l := lines[1]; l.Number != 3 || !strings.Contains(l.Problem, c.want) || strings.Contains(l.Problem, secret) || l.Digest != nil || l.Raw() {
				t.Errorf("line %d: %q, want %q", l.Number, l.Problem, c.want)
			}
			if lines[0].Problem != "" || lines[2].Problem != "" || lines[2].Number != 4 {
				t.Errorf("the lines around it: %+v", lines)
			}
		})
	}
}

func TestCSVProblems(t *testing.T) {
	t.Parallel()
	d, _ := digests()
	good := fmt.Sprintf("a@example.com,%x\n", d)
	for _, c := range []struct{ name, text, line, file string }{
		{"too few values", "owner,sha256\na@example.com\n", "1 values, and there are 2 columns", ""},
		{"too many values", "owner,sha256\na,b,c\n", "3 values", ""},
		{"unknown column", "owner,password\n", "", "not known here"},
		{"column twice", "owner,Owner\n", "", "owner is there twice"},
		{"open quote", "owner,sha256\n" + good + "\"a\n", "", "line 3 is not CSV"},
		{"endless quote", "owner,sha256\n\"" + strings.Repeat("a\n", 3*legacy.MaxLine), "", "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lines, err := readAll(t, c.text)
			if c.file == "" && (err != nil || len(lines) != 1 || !strings.Contains(lines[0].Problem, c.line)) {
				t.Errorf("%+v %v, want %q", lines, err, c.line)
			}
			if c.file != "" && (err == nil || !strings.Contains(err.Error(), c.file)) {
				t.Errorf("%v, want %q", err, c.file)
			}
		})
	}
}

func TestAFileWithoutLinesHasNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n \r\n", "\xef\xbb\xbf", "owner,sha256\n"} {
		if lines, err := readAll(t, text); err != nil || len(lines) != 0 {
			t.Errorf("%q: %v %v", text, lines, err)
		}
	}
}

type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	for i := range p {
		p[i] = 'a'
	}
	if e.read > 1<<26 {
		return 0, io.ErrUnexpectedEOF
	}
	return len(p), nil
}

func TestALineWithoutEndTakesNoMemory(t *testing.T) {
	t.Parallel()
	e := &endless{}
	for l, err := range legacy.Read(e) {
		if err == nil {
			t.Errorf("got line %d", l.Number)
		}
	}
	if e.read > 1<<20 {
		t.Errorf("read %d bytes of one line", e.read)
	}
}

func FuzzRead(f *testing.F) {
	d, _ := digests()
	f.Add([]byte(fmt.Sprintf("owner,sha256,scopes\na@example.com,%x,x y\n", d)))
	f.Add([]byte(fmt.Sprintf(`{"owner":"a@example.com","sha256":"%x","scopes":["a"],"expires_at":"2027-01-01"}`, d)))
	f.Add([]byte(`{"owner":"a@example.com","secret":"x"}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		last, n := 0, 0
		for l, err := range legacy.Read(bytes.NewReader(file)) {
			if err != nil {
				return
			}
			if n++; l.Number <= last || n > len(file) {
				t.Fatalf("line %d after %d", l.Number, last)
			}
			last = l.Number
			switch {
			case l.Problem != "":
				if l.Owner != "" || l.Digest != nil || l.Raw() {
					t.Fatal("a line that can't be used says more")
				}
			case l.Owner == "" || (l.Digest == nil) != l.Raw():
				t.Fatalf("half a line: %+v", l)
			case l.Digest != nil && len(l.Digest) != 32 && (l.Scheme != token.SchemeSHA512 || len(l.Digest) != 64):
				t.Fatalf("a digest of %d bytes", len(l.Digest))
			}
		}
	})
}
