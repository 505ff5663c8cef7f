package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How large the company is.
const (
	customerCount = 120
	supplierCount = 32
	firstOrder    = 10001
	mostLines     = 8 // of an order
	// Newer orders than so many days before the end may still be on their way.
	openDays = 25
)

// opened is its first day, closed the one after its last: they stay where they are, whatever today is.
func opened() time.Time { return time.Date(2023, 10, 2, 0, 0, 0, 0, time.UTC) }
func closed() time.Time { return time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC) }

// company is what rows are made from. Money is in cents.
type company struct {
	*rand.Rand
	employees []employee
	customers []customer
	products  []product
	suppliers []supplier
}

type employee struct {
	name, title string
	boss        any // id of whom they report to; nil is nobody
	hired       time.Time
	sells       bool
}

type customer struct {
	code, company, contact string
	place                  place
	limit                  int
	active                 bool
}

type supplier struct {
	company, contact string
	place            place
}

type product struct {
	name               string
	category, supplier int
	price, stock       int
	discontinued       bool
}

func newCompany() *company {
	c := &company{Rand: rand.New(rand.NewPCG(19, 46))}
	c.hire()
	taken := map[string]bool{}
	for range supplierCount {
		p := pick(c, places())
		c.suppliers = append(c.suppliers, supplier{c.firm(p, supplierTrades(), taken), c.person(p), p})
	}
	codes := map[string]bool{}
	for range customerCount {
		p := pick(c, places())
		name := c.firm(p, customerTrades(), taken)
		c.customers = append(c.customers, customer{codeOf(name, codes), name, c.person(p), p, 50_000 * (1 + c.IntN(60)), c.IntN(12) > 0})
	}
	for i, category := range categories() {
		for _, name := range category.products {
			c.products = append(c.products, product{
				name: name, category: i + 1, supplier: 1 + c.IntN(len(c.suppliers)),
				price: category.from + 5*c.IntN((category.to-category.from)/5), stock: c.IntN(40) * c.IntN(10), discontinued: c.IntN(12) == 0,
			})
		}
	}
	return c
}

func pick[T any](c *company, from []T) T { return from[c.IntN(len(from))] }

// skewed is an index that is small more often than large.
func (c *company) skewed(n int) int { return min(c.IntN(n), c.IntN(n)) }

func (c *company) person(p place) string { return pick(c, p.given()) + " " + pick(c, p.family()) }

// firm names a firm that has none of the names that are taken.
func (c *company) firm(p place, trades map[string][]string, taken map[string]bool) string {
	for {
		name := pick(c, p.family()) + " " + pick(c, trades[p.language])
		if !taken[name] {
			taken[name] = true
			return name
		}
	}
}

// codeOf makes five letters of a firm's name: three of its first word and two of its second, the first of which is its
// initial. When all such are taken, a number ends the code.
func codeOf(name string, taken map[string]bool) string {
	first, second, _ := strings.Cut(plain(name), " ")
	code, more := "", strings.ReplaceAll(second[1:], " ", "")
	for n := 0; code == "" || taken[code]; n++ {
		if n < len(more) {
			code = first[:3] + second[:1] + more[n:n+1]
		} else {
			code = first[:3] + fmt.Sprintf("%02d", n-len(more)+1)
		}
	}
	taken[code] = true
	return code
}

// plain is a name in capitals without accents, and without what is no letter.
func plain(name string) string {
	accents := strings.NewReplacer("Á", "A", "À", "A", "Ä", "A", "Å", "A", "Ã", "A", "Ç", "C", "É", "E", "È", "E", "Ë", "E", "Ê", "E", "Í", "I", "Ñ", "N",
		"Ó", "O", "Ö", "O", "Ø", "O", "Õ", "O", "Ô", "O", "Ú", "U", "Ü", "U", "Ł", "L", "Ń", "N", "ß", "SS", "Æ", "AE")
	return strings.Map(func(r rune) rune {
		if r == ' ' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, accents.Replace(strings.ToUpper(name)))
}

func (c *company) hire() {
	for _, e := range []struct {
		name, title string
		boss        int
		year        int
	}{
		{"Ingrid Solberg", "Managing Director", 0, 2009},
		{"Marcus Thorne", "Head of Sales", 1, 2011},
		{"Lucía Herrera", "Head of Operations", 1, 2014},
		{"Daniel Okafor", "Sales Manager, Europe", 2, 2013},
		{"Mei Tanaka", "Sales Manager, Overseas", 2, 2016},
		{"Claire Fontaine", "Sales Representative", 4, 2017},
		{"Jonas Weber", "Sales Representative", 4, 2018},
		{"Priya Raman", "Sales Representative", 5, 2019},
		{"Tomás Silva", "Sales Representative", 5, 2021},
		{"Elena Rossi", "Sales Representative", 4, 2022},
		{"Henrik Lund", "Warehouse Supervisor", 3, 2015},
		{"Amira Haddad", "Accountant", 3, 2020},
	} {
		hired := time.Date(e.year, time.Month(1+c.IntN(9)), 1+c.IntN(28), 0, 0, 0, 0, time.UTC)
		one := employee{name: e.name, title: e.title, hired: hired, sells: strings.HasPrefix(e.title, "Sales")}
		if e.boss > 0 {
			one.boss = int64(e.boss)
		}
		c.employees = append(c.employees, one)
	}
}

// email is an address that nobody has.
func (e employee) email() string {
	return strings.ToLower(strings.ReplaceAll(plain(e.name), " ", ".")) + "@example.com"
}

func (c *company) write(w *writer, orderLines int) {
	t := w.into("employees", 6)
	for i, e := range c.employees {
		t.add(int64(i+1), e.name, e.title, e.email(), e.boss, day(e.hired))
	}
	t.flush()
	t = w.into("customers", 7)
	for _, x := range c.customers {
		t.add(x.code, x.company, x.contact, x.place.city, x.place.country, cents(x.limit), x.active)
	}
	t.flush()
	t = w.into("categories", 3)
	for i, x := range categories() {
		t.add(int64(i+1), x.name, x.description)
	}
	t.flush()
	t = w.into("suppliers", 5)
	for i, x := range c.suppliers {
		t.add(int64(i+1), x.company, x.contact, x.place.city, x.place.country)
	}
	t.flush()
	t = w.into("products", 7)
	for i, x := range c.products {
		t.add(int64(i+1), x.name, int64(x.category), int64(x.supplier), cents(x.price), int64(x.stock), x.discontinued)
	}
	t.flush()
	c.trade(w, orderLines)
}

// trade makes orders until there are so many lines, a statement's worth at a time: lines refer to orders.
func (c *company) trade(w *writer, orderLines int) {
	type placed struct {
		id, lines int
		date      time.Time
	}
	orders, lines := w.into("orders", 8), w.into("order_lines", 6)
	days := closed().Sub(opened()).Hours() / 24
	for id, done := firstOrder, 0; done < orderLines && w.err == nil; {
		var some []placed
		for ; len(some) < rowsAtOnce && done < orderLines; id++ {
			// It grows: half of all orders come in the last two fifths.
			date := opened().AddDate(0, 0, int(days*math.Pow(float64(done)/float64(orderLines), 0.75)))
			o := placed{id, min(1+c.skewed(mostLines), orderLines-done), date}
			c.order(orders, o.id, o.date, o.lines)
			some, done = append(some, o), done+o.lines
		}
		orders.flush()
		for _, o := range some {
			c.lines(lines, o.id, o.date, o.lines)
		}
	}
	lines.flush()
}

func (c *company) order(t *table, id int, date time.Time, lines int) {
	late := closed().Sub(date) < 365*24*time.Hour
	x := &c.customers[c.skewed(len(c.customers))]
	for late && !x.active { // they went a year ago
		x = &c.customers[c.skewed(len(c.customers))]
	}
	seller := c.skewed(len(c.employees))
	for !c.employees[seller].sells {
		seller = c.skewed(len(c.employees))
	}
	at := date.Add(time.Duration(7*3600+c.IntN(11*3600)) * time.Second)
	shipped := at.Add(time.Duration(20+c.IntN(24*12)) * time.Hour).Add(time.Duration(c.IntN(3600)) * time.Second)
	status := "shipped"
	switch age := closed().Sub(date); {
	case c.IntN(40) == 0:
		status = "cancelled"
	case age < openDays*24*time.Hour && !shipped.Before(closed()):
		status = "packed"
		if c.IntN(2) == 0 {
			status = "new"
		}
	}
	var sent any
	if status == "shipped" {
		sent = shipped.Format(time.RFC3339)
	}
	t.add(int64(id), x.code, int64(seller+1), at.Format(time.RFC3339), day(date.AddDate(0, 0, 14+7*c.IntN(3))), sent, cents(450+lines*(150+c.IntN(1200))), status)
}

func (c *company) lines(t *table, id int, date time.Time, n int) {
	late := closed().Sub(date) < 365*24*time.Hour
	// Prices have risen a tenth over the years, in steps of a quarter.
	quarters := int(closed().Sub(date).Hours() / 24 / 91)
	var ordered [mostLines]int
	for line := range n {
		i := c.skewed(len(c.products))
		for late && c.products[i].discontinued || slices.Contains(ordered[:line], i) {
			i = c.skewed(len(c.products))
		}
		ordered[line] = i
		price := c.products[i].price * (120 - quarters) / 120
		discount := 0.0
		if c.IntN(3) == 0 {
			discount = float64(1+c.skewed(5)) / 20
		}
		t.add(int64(id), int64(line+1), int64(i+1), int64(1+c.skewed(60)), cents(price), discount)
	}
}

func day(t time.Time) string { return t.Format(time.DateOnly) }

// cents writes money as a decimal.
func cents(n int) string {
	text := strconv.Itoa(n)
	for len(text) < 3 {
		text = "0" + text
	}
	return text[:len(text)-2] + "." + text[len(text)-2:]
}
