package edm

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostCharacters is the length of the longest SimpleIdentifier.
const mostCharacters = 128

// Identifier makes a SimpleIdentifier of any text, of at most 128 characters, that does not collide with those in taken,
// not even by case, and that is the same whenever the same names come in the same order. It adds what it returns to taken.
//
// Letters and digits of every script stay, but for those beyond U+FFFF, which regular expressions of UTF-16 clients don't
// know as letters. Everything else between them becomes an underscore; a name that is taken gets _2, _3, and so on.
func Identifier(text string, taken map[string]bool) string {
	base := mangle(text)
	name := base
	for n := 2; collides(name, taken); n++ {
		suffix := "_" + strconv.Itoa(n)
		name = firstCharacters(base, mostCharacters-len(suffix)) + suffix
	}
	taken[name] = true
	return name
}

func mangle(text string) string {
	var b strings.Builder
	gap := false // something was left out since the last character
	for _, r := range text {
		if r > 0xFFFF || r == utf8.RuneError || unicode.Is(unicode.Cf, r) || !continues(r) {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		if b.Len() == 0 && !starts(r) {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		return "_"
	}
	return firstCharacters(b.String(), mostCharacters)
}

// collides looks at every name, since the keys of taken may be written in any case.
func collides(name string, taken map[string]bool) bool {
	if taken[name] {
		return true
	}
	for other := range taken {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

func firstCharacters(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// isIdentifier says whether a text is a SimpleIdentifier (CSDL 4.01, section 15.2).
func isIdentifier(s string) bool {
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > mostCharacters {
		return false
	}
	for i, r := range s {
		if i == 0 && !starts(r) || !continues(r) {
			return false
		}
	}
	return true
}

// isNamespace says whether a text is identifiers joined by dots, and none that OData keeps for itself.
func isNamespace(s string) bool {
	switch s {
	case "Edm", "odata", "System", "Transient":
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if !isIdentifier(part) {
			return false
		}
	}
	return utf8.RuneCountInString(s) <= 511
}

func starts(r rune) bool { return r == '_' || unicode.In(r, unicode.L, unicode.Nl) }

func continues(r rune) bool {
	return starts(r) || unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Pc, unicode.Cf)
}

// fold makes the same text of texts that differ by case only.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, s)
}
