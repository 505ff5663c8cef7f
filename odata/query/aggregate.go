package query

import (
	"fmt"
	"math/big"

	"github.com/keywright/keywright/odata/edm"
)

// Aggregator computes one Aggregate of one group. Nulls count for nothing but Count; of no values, sums, averages, least
// and greatest are null.
//
// A sum of integers is Int64 and ErrValue beyond that, an average of integers and decimals is a Decimal with DecimalScale.
type Aggregator struct {
	method Method
	kind   edm.Kind // of the values
	n      int64
	exact  decimal // sum of integers and decimals
	sum    float64
	best   any
	seen   map[string]bool
}

// NewAggregator begins a group.
func NewAggregator(a Aggregate) *Aggregator {
	g := &Aggregator{method: a.Method, exact: decimal{new(big.Int), 0}, seen: map[string]bool{}}
	if a.Expr != nil {
		g.kind = a.Expr.Type().Kind
	}
	return g
}

// Add takes the value of one more row.
func (g *Aggregator) Add(v any) error {
	if g.method == Count {
		g.n++
		return nil
	}
	if v == nil {
		return nil
	}
	g.n++
	switch g.method {
	case Min:
		if g.best == nil || Compare(g.kind, v, g.best) < 0 {
			g.best = v
		}
	case Max:
		if g.best == nil || Compare(g.kind, v, g.best) > 0 {
			g.best = v
		}
	case CountDistinct:
		g.seen[Identity(g.kind, v)] = true
	default:
		if f, ok := v.(float64); ok {
			g.sum += f
			return nil
		}
		d, ok := parseDecimal(fmt.Sprint(v))
		if !ok {
			return fmt.Errorf("%w: no number", ErrValue)
		}
		g.exact = g.exact.add(d)
	}
	return nil
}

// Result is the value for all that were added.
func (g *Aggregator) Result() (any, error) {
	switch {
	case g.method == Count:
		return g.n, nil
	case g.method == CountDistinct:
		return int64(len(g.seen)), nil
	case g.n == 0:
		return nil, nil
	case g.method == Min || g.method == Max:
		return g.best, nil
	case isFloat(g.kind) && g.method == Average:
		return g.sum / float64(g.n), nil
	case isFloat(g.kind):
		return g.sum, nil
	case g.method == Average:
		return g.exact.div(decimal{big.NewInt(g.n), 0}).String(), nil
	case isInteger(g.kind):
		return fits(g.exact.n.Int64(), g.exact.n.IsInt64())
	}
	return g.exact.String(), nil
}

// Identity is a text that equal values of a kind have in common and others have not.
func Identity(k edm.Kind, v any) string {
	if v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		if d, ok := parseDecimal(s); ok && k == edm.Decimal {
			s = d.String()
		}
		return "=" + s
	}
	if f, ok := v.(float64); ok && f == 0 {
		v = 0.0 // and not -0
	}
	return fmt.Sprintf("=%v", v)
}
