package uri

import "strings"

// search reads the words of $search. AND, OR and NOT are operators only where something stands behind them, else words;
// words side by side all have to be found (URL Conventions 5.1.7).
func (p *parser) search() Expr {
	p.blanks()
	return p.searchOr()
}

func (p *parser) searchOr() Expr {
	if !p.enter() {
		return nil
	}
	defer p.leave()
	start := p.i
	x := p.searchAnd()
	for p.searchOperator("OR") {
		p.node()
		x = &Binary{Pos: p.at(start), Op: "or", X: x, Y: p.searchAnd()}
	}
	return x
}

func (p *parser) searchAnd() Expr {
	start := p.i
	x := p.searchNot()
	for p.err == nil {
		if !p.searchOperator("AND") {
			j := p.i
			p.blanks()
			if p.i == j || p.searchEnds() || p.searchWord() == "OR" && p.another(p.i+2) {
				p.i = j
				return x
			}
		}
		p.node()
		x = &Binary{Pos: p.at(start), Op: "and", X: x, Y: p.searchNot()}
	}
	return nil
}

func (p *parser) searchNot() Expr {
	start := p.i
	p.node()
	switch {
	case p.err != nil:
		return nil
	case p.searchWord() == "NOT" && p.another(p.i+3):
		p.i += 3
		p.blanks()
		if !p.enter() {
			return nil
		}
		x := p.searchNot()
		p.leave()
		return &Unary{Pos: p.at(start), Op: "not", X: x}
	case p.accept('('):
		p.blanks()
		x := p.searchOr()
		p.blanks()
		p.expect(')')
		return x
	case p.peek() == '\'':
		return &Term{Pos: p.at(start), Text: p.quoted()}
	case p.peek() == '"':
		end := strings.IndexByte(p.s[p.i+1:], '"')
		if end <= 0 {
			p.fail(len(p.s), "expected a phrase and the closing quote of the one at character %d", p.pos(start)+1)
			return nil
		}
		p.i += end + 2
		return &Term{Pos: p.at(start), Text: p.s[start+1 : start+1+end]}
	}
	word := p.searchWord()
	if word == "" {
		p.expected("a word or a phrase")
		return nil
	}
	p.i += len(word)
	return &Term{Pos: p.at(start), Text: word}
}

// searchWord is the word that stands here; "" is none.
func (p *parser) searchWord() string {
	end := p.i
	for end < len(p.s) {
		switch c := p.s[end]; {
		case c <= ' ' || c == '(' || c == ')' || c == '"' || c == '\'' && end == p.i:
			return p.s[p.i:end]
		case c == ';' && !p.semicolonInWord(end):
			return p.s[p.i:end]
		}
		end++
	}
	return p.s[p.i:end]
}

// semicolonInWord tells a semicolon that is searched for, which has to be sent as %3B, from one that divides options,
// which clients that escape all they can send as %3B too.
func (p *parser) semicolonInWord(i int) bool {
	divides := p.depth > 1 && i+1 < len(p.s) && (p.s[i+1] == '$' || p.s[i+1] == '@')
	return !divides && p.sentAsEscape(i)
}

// searchEnds says whether nothing more to search for stands here.
func (p *parser) searchEnds() bool {
	c := p.peek()
	return p.i >= len(p.s) || c == ')' || c == ';' && p.searchWord() == ""
}

// another says whether blanks and something more to search for stand at i.
func (p *parser) another(i int) bool {
	if i >= len(p.s) || !blank(p.s[i]) {
		return false
	}
	for i < len(p.s) && blank(p.s[i]) {
		i++
	}
	return i < len(p.s) && p.s[i] != ')' && p.s[i] != ';'
}

// searchOperator reads AND or OR if it stands here as an operator.
func (p *parser) searchOperator(word string) bool {
	start := p.i
	p.blanks()
	if p.i > start && p.searchWord() == word && p.another(p.i+len(word)) {
		p.i += len(word)
		p.blanks()
		return true
	}
	if p.err == nil {
		p.i = start
	}
	return false
}
