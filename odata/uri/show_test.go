package uri

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// binds is the table of URL Conventions 5.1.1.17, strongest first.
var binds = [][]string{
	{"has", "in"},
	{"-", "not"},
	{"mul", "div", "divby", "mod"},
	{"add", "sub"},
	{"gt", "ge", "lt", "le"},
	{"eq", "ne"},
	{"and"},
	{"or"},
}

func weakness(op string) int {
	for i, level := range binds {
		if strings.Contains(" "+strings.Join(level, " ")+" ", " "+op+" ") {
			return i
		}
	}
	panic(op)
}

// show writes an expression with as few parentheses as the table allows.
func show(x Expr) string { return showWithin(x, len(binds)) }

// showWithin writes an expression where operators up to a weakness need no parentheses.
func showWithin(x Expr, most int) string {
	switch x := x.(type) {
	case *Binary:
		w := weakness(x.Op)
		s := showWithin(x.X, w) + " " + x.Op + " " + showWithin(x.Y, w-1)
		if w > most {
			return "(" + s + ")"
		}
		return s
	case *Unary:
		w := weakness(x.Op)
		s := x.Op + " " + showWithin(x.X, w-1)
		if u, ok := x.X.(*Unary); ok {
			s = x.Op + " " + showWithin(u, w)
		}
		if w > most {
			return "(" + s + ")"
		}
		return s
	case *Literal:
		if x.Kind == Text {
			return "'" + strings.ReplaceAll(x.Text, "'", "''") + "'"
		}
		if x.Kind == EnumText {
			return x.TypeName + "'" + x.Text + "'"
		}
		if x.Kind == DurationText {
			return "duration'" + x.Text + "'"
		}
		s := x.Text
		if x.Suffix != 0 {
			s += string(x.Suffix)
		}
		return s
	case *Member:
		return before(x.Of) + x.Name
	case *Root:
		return x.Name
	case *Alias:
		return "@" + x.Name
	case *TypeName:
		return x.Name
	case *Count:
		return before(x.Of) + "$count"
	case *Keyed:
		return showWithin(x.Of, 0) + showKeys(x.Keys)
	case *Lambda:
		word := "any"
		if x.All {
			word = "all"
		}
		if x.Body == nil {
			return before(x.Of) + word + "()"
		}
		return before(x.Of) + word + "(" + x.Var + ":" + show(x.Body) + ")"
	case *List:
		return "(" + showAll(x.Items) + ")"
	case *Call:
		return before(x.Of) + x.Name + "(" + showArgs(x) + ")"
	}
	panic(fmt.Sprintf("%T", x))
}

func before(of Expr) string {
	if of == nil {
		return ""
	}
	return showWithin(of, 0) + "/"
}

func showAll(all []Expr) string {
	var s []string
	for _, x := range all {
		s = append(s, show(x))
	}
	return strings.Join(s, ",")
}

func showArgs(c *Call) string {
	if c.Name == "case" {
		var s []string
		for i := 0; i < len(c.Args); i += 2 {
			s = append(s, show(c.Args[i])+" : "+show(c.Args[i+1]))
		}
		return strings.Join(s, ",")
	}
	if c.Names == nil {
		return showAll(c.Args)
	}
	var keys []Key
	for i, n := range c.Names {
		keys = append(keys, Key{Name: n, Value: c.Args[i]})
	}
	s := showKeys(keys)
	return s[1 : len(s)-1]
}

func showKeys(keys []Key) string {
	var s []string
	for _, k := range keys {
		name := k.Name
		if name != "" {
			name += "="
		}
		s = append(s, name+show(k.Value))
	}
	return "(" + strings.Join(s, ",") + ")"
}

// names that are words of the grammar too, and are names all the same.
var someNames = []string{"Name", "Größe", "_x1", "eq", "and", "desc", "any", "time", "dateX", "INFO", "nullable", "e5", "abcdef01"}

func genLiteral() *rapid.Generator[Expr] {
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) Expr {
			return &Literal{Kind: Text, Text: rapid.StringOf(rapid.RuneFrom([]rune("aZ '/&=+%;:,()\"äß😀"))).Draw(t, "text")}
		}),
		rapid.Custom(func(t *rapid.T) Expr {
			n := rapid.Int64().Draw(t, "n")
			return &Literal{Kind: Integer, Text: fmt.Sprint(n), Suffix: rapid.SampledFrom([]byte{0, 'd', 'f', 'l', 'm'}).Draw(t, "suffix")}
		}),
		rapid.SampledFrom([]Expr{
			&Literal{Kind: Null, Text: "null"},
			&Literal{Kind: True, Text: "true"},
			&Literal{Kind: False, Text: "false"},
			&Literal{Kind: Inf, Text: "-INF"},
			&Literal{Kind: Inf, Text: "NaN"},
			&Literal{Kind: Fraction, Text: "1.50"},
			&Literal{Kind: Fraction, Text: "-2e-7", Suffix: 'f'},
			&Literal{Kind: GuidText, Text: "abcdef01-89ab-cdef-0123-456789abcdef"},
			&Literal{Kind: DateText, Text: "2026-01-31"},
			&Literal{Kind: TimeText, Text: "23:59:59.123"},
			&Literal{Kind: InstantText, Text: "2026-01-31T13:45:00+01:00"},
			&Literal{Kind: DurationText, Text: "-P1DT2H3M4.5S"},
			&Literal{Kind: EnumText, TypeName: "NS.Color", Text: "Red,Green"},
		}),
	)
}

func genPath() *rapid.Generator[Expr] {
	return rapid.Custom(func(t *rapid.T) Expr {
		var x Expr
		switch rapid.IntRange(0, 5).Draw(t, "start") {
		case 0:
			x = &Root{Name: rapid.SampledFrom([]string{"$it", "$this"}).Draw(t, "root")}
		case 1:
			x = &Alias{Name: "p"}
		case 2:
			x = &Member{Of: &Root{Name: "$root"}, Name: "Orders"}
		default:
			x = &Member{Name: rapid.SampledFrom(someNames).Draw(t, "name")}
		}
		for range rapid.IntRange(0, 3).Draw(t, "steps") {
			m := &Member{Of: x, Name: rapid.SampledFrom(append(someNames, "NS.Type")).Draw(t, "step")}
			if x = m; m.Name != "any" && rapid.IntRange(0, 4).Draw(t, "keyed") == 0 {
				x = &Keyed{Of: m, Keys: []Key{{Value: &Literal{Kind: Integer, Text: "42"}}}}
			}
		}
		return x
	})
}

func genExpr(depth int) *rapid.Generator[Expr] {
	if depth == 0 {
		return rapid.OneOf(genLiteral(), genPath())
	}
	return rapid.Custom(func(t *rapid.T) Expr {
		sub := func(what string) Expr { return genExpr(rapid.IntRange(0, depth-1).Draw(t, "depth")).Draw(t, what) }
		switch rapid.IntRange(0, 9).Draw(t, "node") {
		case 0:
			return &Unary{Op: rapid.SampledFrom([]string{"-", "not"}).Draw(t, "op"), X: sub("x")}
		case 1:
			l := &List{}
			for range rapid.IntRange(0, 3).Draw(t, "items") {
				l.Items = append(l.Items, genLiteral().Draw(t, "item"))
			}
			return &Binary{Op: "in", X: sub("x"), Y: l}
		case 2:
			return &Lambda{Of: genPath().Draw(t, "of"), All: rapid.Bool().Draw(t, "all"), Var: "v", Body: sub("body")}
		case 3:
			return &Call{Name: rapid.SampledFrom([]string{"contains", "geo.distance", "time"}).Draw(t, "name"), Args: []Expr{sub("a"), sub("b")}}
		case 4:
			return &Call{Name: "cast", Args: []Expr{sub("a"), &TypeName{Name: "Collection(Edm.String)"}}}
		case 5:
			return &Call{Name: "case", Args: []Expr{sub("a"), sub("b"), &Literal{Kind: True, Text: "true"}, sub("c")}}
		case 6:
			return &Call{Of: genPath().Draw(t, "of"), Name: "NS.f", Args: []Expr{sub("a")}, Names: []string{"x"}}
		default:
			level := rapid.SampledFrom(append(binds[2:], []string{"has"})).Draw(t, "level")
			return &Binary{Op: rapid.SampledFrom(level).Draw(t, "op"), X: sub("x"), Y: sub("y")}
		}
	})
}
