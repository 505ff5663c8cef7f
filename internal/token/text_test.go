package token_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/token"
)

func TestCleanTextTakesWhatPeopleTypeAndRefusesWhatCanNotBeSeen(t *testing.T) {
	const empty, hidden, bad = "This can't be empty.", "Remove line breaks and invisible characters.", "This is not valid text (UTF-8)."
	for _, c := range []struct{ what, in, want, problem string }{
		{"a name", "Power BI", "Power BI", ""},
		{"space around", " \t Power BI \r\n", "Power BI", ""},
		{"space within", "a  b", "a  b", ""},
		{"other scripts", "Zü 東京 עברי", "Zü 東京 עברי", ""},
		{"emoji with a joiner", "👩‍💻 CI", "👩‍💻 CI", ""},
		{"ten characters of several bytes", "éééééééééé", "éééééééééé", ""},
		{"a non-breaking space within", "a\u00a0b", "a\u00a0b", ""},
		{"nothing", "", "", empty},
		{"only spaces", " \u00a0\u3000 ", "", empty},
		{"only joiners", "\u200d\u200c", "", empty},
		{"too long", "abcdefghijk", "", "Use at most 10 characters."},
		{"NUL", "a\x00b", "", hidden},
		{"a line break", "a\nb", "", hidden},
		{"a tab within", "a\tb", "", hidden},
		{"DEL", "a\x7fb", "", hidden},
		{"C1", "a\u0085b", "", hidden},
		{"a line separator", "a\u2028b", "", hidden},
		{"a paragraph separator", "a\u2029b", "", hidden},
		{"right to left override", "a\u202eb", "", hidden},
		{"an isolate", "a\u2066b", "", hidden},
		{"zero width space", "a\u200bb", "", hidden},
		{"a byte order mark", "\ufeffa", "", hidden},
		{"a soft hyphen", "a\u00adb", "", hidden},
		{"tag characters", "a\U000e0041b", "", hidden},
		{"invalid UTF-8", "a\xffb", "", bad},
		{"half a surrogate", "a\xed\xa0\x80b", "", bad},
		{"an overlong NUL", "a\xc0\x80b", "", bad},
	} {
		if got, problem := token.CleanText(c.in, 1, 10); got != c.want || problem != c.problem {
			t.Errorf("%s: %q, %q; want %q, %q", c.what, got, problem, c.want, c.problem)
		}
	}
	if _, problem := token.CleanText("ab", 3, 10); problem != "Use at least 3 characters." {
		t.Errorf("too short: %q", problem)
	}
	if got, problem := token.CleanText("  ", 0, 10); got != "" || problem != "" {
		t.Errorf("optional: %q, %q", got, problem)
	}
}

func TestCleanTextIsFinal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		clean, problem := token.CleanText(s, 0, 40)
		if problem != "" {
			if clean != "" {
				t.Fatalf("%q is refused and yet %q", s, clean)
			}
			return
		}
		if n := utf8.RuneCountInString(clean); n > 40 || strings.TrimSpace(clean) != clean || strings.ContainsAny(clean, "\x00\r\n") {
			t.Fatalf("%q became %q", s, clean)
		}
		if again, problem := token.CleanText(clean, 0, 40); again != clean || problem != "" {
			t.Fatalf("%q became %q, and cleaned again %q, %q", s, clean, again, problem)
		}
	})
}

func TestCleanEmailTakesAddressesInOneForm(t *testing.T) {
	for in, want := range map[string]string{
		"ana@example.com": "ana@example.com", " Ana@Example.COM\n": "ana@example.com", "o'neil+kw@sub.example.co": "o'neil+kw@sub.example.co",
		"admin@localhost": "admin@localhost", "zoë@münchen.example": "zoë@münchen.example",
	} {
		got, problem := token.CleanEmail(in)
		if got != want || problem != "" {
			t.Errorf("%q: %q, %q; want %q", in, got, problem, want)
		}
		if again, _ := token.CleanEmail(got); again != got {
			t.Errorf("%q becomes %q and then %q", in, got, again)
		}
	}
	for _, in := range []string{
		"", "@", "a@", "@b", "ana", "a@b@c", "a b@c.d", "a\u00a0b@c.d", "a@b c.d", `"a"@b.c`, "Ana <ana@example.com>", "a@b.c,d@e.f", "a;b@c.d", "a@[::1]",
		"a\x00@b.c", "a\u200b@b.c", "a\xff@b.c", strings.Repeat("a", 250) + "@b.cc",
	} {
		if got, problem := token.CleanEmail(in); problem == "" || got != "" {
			t.Errorf("%q was taken as %q", in, got)
		}
	}
}

func TestCleanSlugTakesWhatCanStandInAnAddress(t *testing.T) {
	for _, s := range []string{"a", "9", "single-token", "a--b", strings.Repeat("a", 40)} {
		if got, problem := token.CleanSlug(s); got != s || problem != "" {
			t.Errorf("%q: %q, %q", s, got, problem)
		}
	}
	for _, s := range []string{"", "-", "-a", "a-", "A", "a b", "a_b", "a/b", "a.b", "é", "a\x00", strings.Repeat("a", 41), " a"} {
		if got, problem := token.CleanSlug(s); problem == "" || got != "" {
			t.Errorf("%q was taken as %q", s, got)
		}
	}
}
