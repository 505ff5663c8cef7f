package sqldata

import (
	"strings"
	"unicode"
)

// words cuts a name of a database into words: cust_no, custNo, CUST-NO and "Cust no" are all [cust no].
func words(name string) []string {
	runes := []rune(name)
	// A name that has no lower-case letter shouts: ORDER_LINES. In others capitals mean something: CustomerID.
	shouts := strings.ToUpper(name) == name && strings.ToLower(name) != name
	var found []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			found = append(found, string(word))
			word = nil
		}
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Mc, r):
			end()
			continue
		case shouts:
			r = unicode.ToLower(r)
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1])),
			// HTTPStatus: the last capital begins a word.
			unicode.IsUpper(r) && i > 0 && unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1]):
			end()
		}
		word = append(word, r)
	}
	end()
	return found
}

// pascal joins words: [cust no] is CustNo, [customer id] is CustomerID.
func pascal(words []string) string {
	var b strings.Builder
	for _, w := range words {
		if strings.EqualFold(w, "id") {
			b.WriteString("ID")
			continue
		}
		r := []rune(w)
		r[0] = unicode.ToUpper(r[0])
		b.WriteString(string(r))
	}
	return b.String()
}

// singular is the word for one of what a name in English says there are many of; "" when it does not look like a plural.
func singular(name string) string {
	lower := strings.ToLower(name)
	if len(lower) != len(name) {
		return "" // no English
	}
	ends := func(endings ...string) bool {
		for _, e := range endings {
			if strings.HasSuffix(lower, e) && (len(lower) > len(e) || len(e) > 2) {
				return true
			}
		}
		return false
	}
	cut := func(n int, with string) string { return name[:len(name)-n] + with }
	switch {
	case ends("eople"):
		return cut(5, "erson")
	case ends("series", "species", "news", "ss", "us", "is"):
		return ""
	case ends("movies", "cookies", "calories"):
		return cut(1, "")
	case ends("ies") && len(lower) > 4:
		return cut(3, "y")
	case ends("sses", "xes", "ches", "shes", "zzes", "buses", "statuses", "aliases", "viruses"):
		return cut(2, "")
	case ends("hildren"):
		return cut(3, "")
	case ends("s"):
		return cut(1, "")
	}
	return ""
}

// withoutEnding cuts the word off by which columns that name a row of another table end: customer_id is customer. False when it
// has no such ending.
func withoutEnding(words []string) ([]string, bool) {
	n := len(words)
	if n < 2 {
		return words, false
	}
	switch strings.ToLower(words[n-1]) {
	case "id", "no", "nr", "num", "number", "code", "key", "fk", "uuid", "guid", "ref":
		return words[:n-1], true
	}
	return words, false
}

// cutID finds such an ending where no capital and no _ tells it: customerid.
func cutID(words []string) ([]string, bool) {
	if short, ok := withoutEnding(words); ok {
		return short, true
	}
	if n := len(words); n == 1 && len(words[0]) > 4 && strings.HasSuffix(strings.ToLower(words[0]), "id") {
		return []string{words[0][:len(words[0])-2]}, true
	}
	return words, false
}

// glob matches a pattern in which * stands for any letters.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return len(text) >= len(last) && strings.HasSuffix(text, last)
}
