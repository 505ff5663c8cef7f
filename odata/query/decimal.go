package query

import (
	"math/big"
	"strings"
)

// DecimalScale is how many digits behind the point a quotient or an average of decimals has; the next is rounded half
// away from zero. Sums, differences, products and remainders are exact.
const DecimalScale = 12

// decimal is n / 10^scale.
type decimal struct {
	n     *big.Int
	scale int
}

// parseDecimal reads the Go form of a decimal. False when it is none.
func parseDecimal(text string) (decimal, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	digits := whole + fraction
	if strings.Trim(strings.TrimPrefix(digits, "-"), "0123456789") != "" || strings.Contains(fraction, "-") {
		return decimal{}, false
	}
	n, ok := new(big.Int).SetString(digits, 10)
	return decimal{n, len(fraction)}, ok
}

// String has no zeros behind its last digit, so that equal decimals have one text.
func (d decimal) String() string {
	if d.n.Sign() == 0 {
		return "0"
	}
	digits := new(big.Int).Abs(d.n).String()
	if d.scale > 0 {
		if missing := d.scale + 1 - len(digits); missing > 0 {
			digits = strings.Repeat("0", missing) + digits
		}
		point := len(digits) - d.scale
		digits = strings.TrimRight(digits[:point]+"."+digits[point:], "0")
		digits = strings.TrimSuffix(digits, ".")
	}
	if d.n.Sign() < 0 {
		return "-" + digits
	}
	return digits
}

func power(digits int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
}

// align gives both numerators over the same power of ten.
func align(x, y decimal) (xn, yn *big.Int, scale int) {
	switch {
	case x.scale < y.scale:
		return new(big.Int).Mul(x.n, power(y.scale-x.scale)), y.n, y.scale
	case x.scale > y.scale:
		return x.n, new(big.Int).Mul(y.n, power(x.scale-y.scale)), x.scale
	}
	return x.n, y.n, x.scale
}

func (d decimal) cmp(y decimal) int {
	a, b, _ := align(d, y)
	return a.Cmp(b)
}

func (d decimal) add(y decimal) decimal {
	a, b, scale := align(d, y)
	return decimal{new(big.Int).Add(a, b), scale}
}

func (d decimal) sub(y decimal) decimal {
	a, b, scale := align(d, y)
	return decimal{new(big.Int).Sub(a, b), scale}
}

func (d decimal) mul(y decimal) decimal {
	return decimal{new(big.Int).Mul(d.n, y.n), d.scale + y.scale}
}

// div divides by what is not zero.
func (d decimal) div(y decimal) decimal {
	n := new(big.Int).Mul(d.n, power(y.scale+DecimalScale))
	return decimal{halfAway(n, new(big.Int).Mul(y.n, power(d.scale))), DecimalScale}
}

// mod has the sign of d. Y is not zero.
func (d decimal) mod(y decimal) decimal {
	a, b, scale := align(d, y)
	return decimal{new(big.Int).Rem(a, b), scale}
}

// round to a whole number, half away from zero.
func (d decimal) round() decimal { return decimal{halfAway(d.n, power(d.scale)), 0} }

func (d decimal) floor() decimal {
	q, r := new(big.Int).QuoRem(d.n, power(d.scale), new(big.Int))
	if r.Sign() < 0 {
		q.Sub(q, big.NewInt(1))
	}
	return decimal{q, 0}
}

func (d decimal) negate() decimal { return decimal{new(big.Int).Neg(d.n), d.scale} }

// halfAway is n/m, rounded half away from zero.
func halfAway(n, m *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(n, m, new(big.Int))
	if r.Abs(r).Lsh(r, 1).CmpAbs(m) >= 0 {
		q.Add(q, big.NewInt(int64(n.Sign()*m.Sign())))
	}
	return q
}
