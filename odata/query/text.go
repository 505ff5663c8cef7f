package query

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Whitespace is what trim takes away: the characters that Unicode calls White_Space.
const Whitespace = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

// Lower is tolower: Unicode's full mapping, of no particular language, as PostgreSQL's lower(… collate "und-x-icu").
func Lower(s string) string {
	if ascii(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

// Upper is toupper: Unicode's full mapping, of no particular language, as PostgreSQL's upper(… collate "und-x-icu").
func Upper(s string) string {
	if ascii(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Trim is trim: without Whitespace at both ends.
func Trim(s string) string { return strings.Trim(s, Whitespace) }

// IndexOf is indexof: in characters from 0, -1 if part is not in s.
func IndexOf(s, part string) int64 {
	before, _, ok := strings.Cut(s, part)
	if !ok {
		return -1
	}
	return int64(utf8.RuneCountInString(before))
}

// Substring is substring: at most length characters from start on, which counts from 0, or from the end when negative. What
// is before the beginning or behind the end is not there; a negative length is none.
func Substring(s string, start, length int64) string {
	runes := []rune(s)
	n := int64(len(runes))
	if start < 0 {
		start = max(0, n+start)
	}
	start = min(start, n)
	length = max(0, min(length, n-start))
	return string(runes[start : start+length])
}
