package token

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanText trims a text that a person typed and says what is wrong with it, "" if nothing.
// NUL bytes and invalid UTF-8 are refused here, at the edge: SQLite would keep them, PostgreSQL would not.
// Invisible characters are refused, so that no two names look alike for their sake and none looks empty;
// the joiners that emoji and some scripts need are let through. Lengths are in characters.
func CleanText(s string, least, most int) (clean, problem string) {
	// U+FFFD stands where something could not be read, such as half a surrogate pair in JSON.
	if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
		return "", "This is not valid text (UTF-8)."
	}
	s = strings.TrimSpace(s)
	visible := false
	for _, r := range s {
		if isInvisible(r) {
			return "", "Remove line breaks and invisible characters."
		}
		visible = visible || !isJoiner(r)
	}
	if !visible {
		s = ""
	}
	n := utf8.RuneCountInString(s)
	switch {
	case n < least && least == 1:
		return "", "This can't be empty."
	case n < least:
		return "", fmt.Sprintf("Use at least %d characters.", least)
	case n > most:
		return "", fmt.Sprintf("Use at most %d characters.", most)
	}
	return s, ""
}

func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

func isInvisible(r rune) bool {
	return !isJoiner(r) && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// CleanEmail returns an e-mail address in the form it is kept and compared in: trimmed, lower case.
func CleanEmail(s string) (clean, problem string) {
	s, problem = CleanText(s, 3, 254)
	if problem != "" {
		return "", "Enter an e-mail address, such as ana@example.com."
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(s, "\"<>(),;:\\[]") ||
		strings.ContainsFunc(s, unicode.IsSpace) || strings.Contains(domain, "@") {
		return "", "Enter an e-mail address, such as ana@example.com."
	}
	return strings.ToLower(s), ""
}

// CleanSlug checks the name of a workspace as it stands in addresses.
func CleanSlug(s string) (clean, problem string) {
	const want = "Use 1 to 40 lower-case letters, digits and hyphens, a letter or digit at both ends."
	if len(s) < 1 || len(s) > 40 || s[0] == '-' || s[len(s)-1] == '-' {
		return "", want
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return "", want
		}
	}
	return s, ""
}
