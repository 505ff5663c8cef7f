package uri

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parser reads the text of one option, or of one segment of the path. Its first failure sticks and moves it to the
// end of the text: so every loop ends, and callers look at err once. What was read before a failure is of no use.
type parser struct {
	*budget
	option string
	s      string
	i      int
	base   int   // where s begins in the path as it was sent
	where  []int // where each byte of s begins there, relative to base; nil when that is where it stands
	semis  []int // where s holds a semicolon that was sent as %3B, in order
	depth  int
	err    *Error
}

// budget is shared by all parsers of a request.
type budget struct {
	limits Limits
	nodes  int
	later  *Error // the first thing that the grammar knows and nothing here does: told if all else is right
}

func (p *parser) pos(i int) int {
	if p.where != nil {
		i = p.where[i]
	}
	return p.base + i
}

func (p *parser) at(i int) Pos { return Pos(p.pos(i)) }

// fail says what is wrong at i, unless something was wrong before.
func (p *parser) fail(i int, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{Option: p.option, Pos: p.pos(i), Message: fmt.Sprintf(format, args...)}
	}
	p.i = len(p.s)
}

// expected fails at the present place.
func (p *parser) expected(what string) { p.fail(p.i, "expected %s, found %s", what, p.found(p.i)) }

// found names what stands at i: a word, a character, or the end.
func (p *parser) found(i int) string {
	if i >= len(p.s) {
		return "the end"
	}
	end := p.scanQualified(i)
	if end == i {
		_, n := utf8.DecodeRuneInString(p.s[i:])
		end += n
	}
	if end-i > 60 {
		return fmt.Sprintf("%.40q and so on", p.s[i:end])
	}
	return fmt.Sprintf("%q", p.s[i:end])
}

// unsupported notes that something is right but not done here.
func (p *parser) unsupported(i int, what string) {
	if p.later == nil {
		p.later = &Error{Option: p.option, Pos: p.pos(i), Message: what + " is not supported", Unsupported: true}
	}
}

// node counts what is about to be built.
func (p *parser) node() {
	if p.nodes++; p.nodes > p.limits.Nodes {
		p.fail(p.i, "the request has more than %d terms", p.limits.Nodes)
	}
}

// enter begins a nested text, leave ends it.
func (p *parser) enter() bool {
	if p.depth++; p.depth > p.limits.Depth {
		p.fail(p.i, "nested deeper than %d levels", p.limits.Depth)
	}
	return p.err == nil
}

func (p *parser) leave() { p.depth-- }

// done is where the whole text has to have been read.
func (p *parser) done() {
	if p.i < len(p.s) {
		p.trailing("the end")
	}
}

// trailing fails because something stands where an operator or what could have been expected.
func (p *parser) trailing(what string) {
	j := p.i
	for j < len(p.s) && blank(p.s[j]) {
		j++
	}
	if j == len(p.s) && j > p.i {
		p.fail(p.i, "expected the end, found a blank")
		return
	}
	end := p.scanIdent(j)
	if word := strings.ToLower(p.s[j:end]); word != p.s[j:end] && precedence(word) > 0 {
		p.fail(j, "operators are written in lower case: %s", word)
		return
	}
	p.fail(j, "expected %s, found %s", what, p.found(j))
}

func (p *parser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// blanks skips blanks that may stand here.
func (p *parser) blanks() {
	for p.i < len(p.s) && blank(p.s[p.i]) {
		p.i++
	}
}

// gap skips blanks that have to stand here.
func (p *parser) gap() {
	if !blank(p.peek()) {
		p.expected("a blank")
	}
	p.blanks()
}

// accept reads c if it stands here.
func (p *parser) accept(c byte) bool {
	if p.peek() == c && p.i < len(p.s) {
		p.i++
		return true
	}
	return false
}

// expect reads c and fails if it does not stand here.
func (p *parser) expect(c byte) {
	if !p.accept(c) {
		p.trailing(fmt.Sprintf("%q", string(c)))
	}
}

// comma reads a comma and the blanks around it, if there is one.
func (p *parser) comma() bool {
	start := p.i
	p.blanks()
	if p.accept(',') {
		p.blanks()
		return true
	}
	if p.err == nil {
		p.i = start
	}
	return false
}

// keyword reads blanks and a word if they stand here.
func (p *parser) keyword(word string) bool {
	j := p.i
	for j < len(p.s) && blank(p.s[j]) {
		j++
	}
	if j == p.i || p.s[j:p.scanIdent(j)] != word {
		return false
	}
	p.i = j + len(word)
	return true
}

// scanIdent is where an identifier that begins at i ends; i when there is none.
func (p *parser) scanIdent(i int) int {
	start := i
	for i < len(p.s) {
		c := p.s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(p.s[i:])
			if !letter(r) && (i == start || !unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Pc, unicode.Cf)) {
				return i
			}
			i += n
			continue
		}
		if !wordByte(c) || i == start && digit(c) {
			return i
		}
		i++
	}
	return i
}

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) }

func wordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || digit(c)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// scanQualified is where identifiers that begin at i and are joined by dots end; i when there is none.
func (p *parser) scanQualified(i int) int {
	end := p.scanIdent(i)
	for end > i && end < len(p.s) && p.s[end] == '.' {
		next := p.scanIdent(end + 1)
		if next == end+1 {
			break
		}
		end = next
	}
	return end
}

// ident reads an identifier, of which what says what it is.
func (p *parser) ident(what string) string { return p.name(p.scanIdent(p.i), what) }

// qualified reads an identifier, or several joined by dots.
func (p *parser) qualified(what string) string { return p.name(p.scanQualified(p.i), what) }

func (p *parser) name(end int, what string) string {
	start := p.i
	if end == start {
		p.expected(what)
		return ""
	}
	name := p.s[start:end]
	if len(name) > 128 && longPart(name) {
		p.fail(start, "a name has more than 128 characters")
		return ""
	}
	p.i = end
	return name
}

func longPart(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if utf8.RuneCountInString(part) > 128 {
			return true
		}
	}
	return false
}

// sentAsEscape says whether the semicolon at i was sent as %3B.
func (p *parser) sentAsEscape(i int) bool {
	_, found := slices.BinarySearch(p.semis, i)
	return found
}
