package sqldata

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// pieces of SQL in which a dollar sign is no parameter, and parameters.
var (
	paramForm  = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*`)
	afterParam = regexp.MustCompile(`^[\pL\pN_$]`) // then it is none
	wordForm   = regexp.MustCompile(`^[\pL_][\pL\pN_$]*`)
	quotedForm = regexp.MustCompile(`^(?:'(?:[^']|'')*'|"(?:[^"]|"")*")`)
	escapeForm = regexp.MustCompile(`^[eE]'(?:[^'\\]|\\.|'')*'`) // PostgreSQL's E'it\'s'
	liteForm   = regexp.MustCompile("^(?:`(?:[^`]|``)*`|\\[[^\\]]*\\])")
)

// withParams replaces the caller's parameters in SQL of the configuration, $user.email, by what place says of each. Texts in
// quotes and quoted names stay as they are. What would make of an expression something else is refused: a second statement,
// comments, numbered parameters, dollar quotes, parentheses that don't match.
func withParams(engine Engine, text string, place func(name string) (string, error)) (string, error) {
	var b strings.Builder
	depth := 0 // of parentheses: what closes more than it opens would end what is written around it
	for rest := text; rest != ""; {
		n := 1
		switch c := rest[0]; {
		case c == '$':
			name := paramForm.FindString(rest)
			if name == "" || afterParam.MatchString(rest[len(name):]) {
				return "", errors.New("$ is followed by no name of a parameter")
			}
			placed, err := place(name[1:])
			if err != nil {
				return "", err
			}
			b.WriteString(placed)
			rest = rest[len(name):]
			continue
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return "", errors.New(") closes nothing")
			}
		case c == ';':
			return "", errors.New("; has no place in a condition")
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "/*"):
			return "", errors.New("comments have no place in a condition")
		case engine == SQLite && strings.ContainsRune("?:@#", rune(c)):
			return "", fmt.Errorf("parameters are written $name, not %c", c)
		case c == '\'' || c == '"':
			if n = len(quotedForm.FindString(rest)); n == 0 {
				return "", errors.New("a quote is not closed")
			}
		case engine == SQLite && (c == '`' || c == '['):
			if n = len(liteForm.FindString(rest)); n == 0 {
				return "", errors.New("a quote is not closed")
			}
		case engine == Postgres && escapeForm.MatchString(rest):
			n = len(escapeForm.FindString(rest))
		default:
			n = max(1, len(wordForm.FindString(rest)))
		}
		b.WriteString(rest[:n])
		rest = rest[n:]
	}
	if depth > 0 {
		return "", errors.New("( is not closed")
	}
	return b.String(), nil
}
