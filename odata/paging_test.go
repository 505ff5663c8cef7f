package odata_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata"
)

func ids(rows []map[string]any) []string {
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i], _ = r["ID"].(string)
	}
	return list
}

// reading is a collection that is read page by page.
type reading struct {
	order           string
	top, skip, size int // negative is not said
	expand          bool
}

func orders() []string {
	return []string{
		"", "$orderby=ExpiresAt", "$orderby=ExpiresAt desc", "$orderby=Status,Name desc", "$orderby=Owner/Name desc,ID desc", "$orderby=length(Name) add Uses,CreatedAt",
	}
}

func TestMIN_03_FollowingNextLinksGivesEachRowOnceEvenWhileRowsAreAdded(t *testing.T) {
	added := 0
	onEach(t, 43, odata.Options{}, func(t *testing.T, c client, a accounts, add func([]any)) {
		extra := a.rows(1)[a.tokens][0]
		between := func() {
			added++
			row := slices.Clone(extra)
			row[0] = strings.Replace(guid(added), "00000000", "ffffffff", 1)
			add(row)
		}
		for i, order := range orders() {
			c.check(reading{order, 30*(i%2) - 1, 5 * (i % 3), 11, i%2 == 0}, between)
		}
		if strings.HasSuffix(t.Name(), "memory") {
			rapid.Check(t, func(rt *rapid.T) {
				c.check(reading{
					rapid.SampledFrom(orders()).Draw(rt, "order"), rapid.IntRange(-1, 40).Draw(rt, "top"), rapid.IntRange(-1, 20).Draw(rt, "skip"),
					rapid.IntRange(1, 9).Draw(rt, "size"), rapid.Bool().Draw(rt, "expand"),
				}, between)
			})
		}
	})
}

// check reads everything while rows are added, whose ids begin with an f, and compares with what was there before.
func (c client) check(r reading, add func()) {
	c.t.Helper()
	link := "Tokens?" + r.order
	if r.skip >= 0 {
		link += fmt.Sprintf("&$skip=%d", r.skip)
	}
	if r.top >= 0 {
		link += fmt.Sprintf("&$top=%d", r.top)
	}
	want := ids(c.page(link).Value)
	if r.expand {
		link += "&$expand=Events,Owner"
	}
	added := 0
	got := ids(c.walk(link, r.size, func() {
		if added++; added <= 2 {
			add()
		}
	}))
	if once := slices.Compact(sorted(slices.Clone(got))); len(once) != len(got) || r.top >= 0 && len(got) > r.top {
		c.t.Fatalf("%s: %d rows, of which %d are different", link, len(got), len(once))
	}
	isNew := func(id string) bool { return strings.HasPrefix(id, "f") }
	got, want = slices.DeleteFunc(got, isNew), slices.DeleteFunc(want, isNew)
	if r.top >= 0 { // what was added has taken the place of rows at the end
		want = want[:min(max(len(got), len(want)-2), len(want))]
	}
	if !slices.Equal(got, want) {
		c.t.Fatalf("%s in pages of %d:\n got %v\nwant %v", link, r.size, got, want)
	}
}

// walk follows next links from a page of a preferred size.
func (c client) walk(link string, size int, between func()) []map[string]any {
	p := c.page(link, "Prefer", fmt.Sprintf("maxpagesize=%d", size))
	rows := p.Value
	for p.Next != "" {
		if len(rows) > 10_000 {
			c.t.Fatalf("%s has no end", link)
		}
		between()
		p = c.page(p.Next)
		if len(p.Value) > size {
			c.t.Fatalf("%d rows in a page of %d", len(p.Value), size)
		}
		rows = append(rows, p.Value...)
	}
	return rows
}

func TestAPageThatIsTheLastHasNoNextLink(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(10), odata.Options{PageSize: 5})
	for link, want := range map[string]int{
		"Tokens": 2, "Tokens?$top=10": 2, "Tokens?$top=5": 1, "Tokens?$top=4": 1, "Tokens?$top=0": 1, "Tokens?$top=6": 2, "Tokens?$top=100": 2,
		"Tokens?$skip=5": 1, "Tokens?$skip=4": 2, "Tokens?$skip=50": 1,
		"Tokens?$top=5&$expand=Owner": 1, "Tokens?$top=6&$expand=Owner": 2, "Tokens?$expand=Owner": 2, "Tokens?$skip=5&$expand=Owner": 1,
		"Tokens?$apply=aggregate($count as N)": 1, "Tokens?$apply=groupby((Name))": 2,
	} {
		if _, pages := c.all(link); pages != want {
			t.Errorf("%s has %d pages instead of %d", link, pages, want)
		}
	}
}

func TestMIN_03b_APreferredPageSizeHoldsOnFollowingPagesToo(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(10), odata.Options{PageSize: 7, MaxPageSize: 8})
	for _, name := range []string{"maxpagesize", "odata.maxpagesize"} {
		w := c.get("Tokens", "Prefer", name+"=3")
		if got := w.Header().Get("Preference-Applied"); got != name+"=3" {
			t.Errorf("Preference-Applied is %q", got)
		}
		first := c.page("Tokens", "Prefer", name+"=3")
		second := c.get(first.Next)
		if got := second.Header().Get("Preference-Applied"); len(first.Value) != 3 || got != "odata.maxpagesize=3" {
			t.Errorf("%d rows, then %q", len(first.Value), got)
		}
		if n := len(c.page(first.Next).Value); n != 3 {
			t.Errorf("the second page has %d rows", n)
		}
		if n := len(c.page(first.Next, "Prefer", name+"=2").Value); n != 2 {
			t.Errorf("with another preference the second page has %d rows", n)
		}
	}
	if w := c.get("Tokens", "Prefer", "maxpagesize=1000"); w.Header().Get("Preference-Applied") != "maxpagesize=8" {
		t.Errorf("more than is allowed: %v", w.Header())
	}
	got := c.page("Tokens?$expand=Events&$filter=ID eq "+guid(3), "Prefer", "maxpagesize=2").Value[0]
	if len(as[[]any](got["Events"])) != 2 || got["Events@odata.nextLink"] == nil {
		t.Errorf("collections inside have another size: %v", got)
	}
}

func TestMIN_03c_ANextLinkWorksForItsQueryAndItsCallerAlone(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(30), odata.Options{PageSize: 5, Key: make([]byte, 32)})
	next := c.page("Tokens?$filter=Uses gt 0&$orderby=Name&x=1").Next
	if !strings.HasPrefix(next, root+"Tokens?$filter=Uses%20gt%200&$orderby=Name&x=1&$skiptoken=") {
		t.Errorf("the options of the first page are not kept: %s", next)
	}
	c.want(200, next)
	c.want(200, strings.Replace(next, "&x=1", "&key=2", 1)) // a custom option changes nothing
	c.want(200, strings.NewReplacer("$", "%24", "'", "%27").Replace(next))
	at := strings.Index(next, "$skiptoken=") + len("$skiptoken=")
	token := next[at:]
	for _, altered := range []string{
		next + "&$top=5", next + "&$count=true", strings.Replace(next, "gt%200", "gt%201", 1), strings.Replace(next, "$orderby=Name", "$orderby=Status", 1),
		strings.Replace(next, "$orderby=Name&", "", 1), strings.Replace(next, "Tokens?", "Tokens("+guid(1)+")/Events?", 1),
		next[:at], next[:at] + "x", next[:at] + token[1:], next[:at] + token[:len(token)-1], next[:at] + "A" + token[1:] + "A",
		root + "Tokens?$skiptoken=" + token, root + "Users?$skiptoken=" + token, next + "A",
	} {
		if w := c.get(altered); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", altered, w.Code)
		}
	}
	c.as("somebody else").want(400, next)
	elsewhere := c
	elsewhere.access.Root = "https://data.example.com/odata/other/"
	elsewhere.want(400, strings.Replace(next, root, elsewhere.access.Root, 1)[len(elsewhere.access.Root):])
	moved := c // the same service under another name of its host
	moved.access.Root = strings.Replace(root, "data.example.com", "new.example.com", 1)
	moved.want(200, next)
	restarted := newClient(t, a.model, a.rows(30), odata.Options{PageSize: 5, Key: make([]byte, 32)})
	restarted.want(200, next)
	rekeyed := newClient(t, a.model, a.rows(30), odata.Options{PageSize: 5})
	rekeyed.want(400, next)
	for _, place := range []string{"Tokens/$count", "Tokens(" + guid(1) + ")", "", "$metadata"} {
		c.want(400, place+"?$skiptoken="+token)
	}
}

func TestNextLinksKeepWhatWasSentAsItWasSent(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(30), odata.Options{PageSize: 5})
	for _, sent := range []string{
		"Tokens?$select=ID%2CName&$filter=contains(Name,%27n%27)", "Tokens?$filter=Name%20ne%20'a%26b%2B%3D%25'&$count=true",
		"Tokens?$expand=Events($top=1;$skip=0)&$orderby=Name", "Tokens?%24orderby=Name&x=%C3%BC", "Tokens?$filter=Name ne @p&@p='ü'&a&b=", "/Tokens?$top=20",
	} {
		first := c.page(sent)
		u, err := url.Parse(first.Next)
		if err != nil || !strings.HasPrefix(u.RawQuery, strings.ReplaceAll(strings.ReplaceAll(strings.SplitN(sent, "?", 2)[1], " ", "%20"), "ü", "%C3%BC")) {
			t.Errorf("%s becomes %s", sent, first.Next)
		}
		if rows, _ := c.all(sent); len(rows) != 30 && !strings.Contains(sent, "$top=20") {
			t.Errorf("%s: %d rows", sent, len(rows))
		}
	}
}

func TestRowsThatAreReadInPartsForExpandingAreTheSame(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(350), odata.Options{PageSize: 330})
	for _, options := range []string{"", "$orderby=ExpiresAt desc,Owner/Name", "$skip=20", "$top=340&$skip=3"} {
		plain, _ := c.all("Tokens?" + options)
		expanded, _ := c.all("Tokens?$expand=Owner,Events&" + options)
		if !slices.Equal(ids(plain), ids(expanded)) {
			t.Errorf("%s:\n got %v\nwant %v", options, ids(expanded), ids(plain))
		}
		for _, row := range expanded {
			events, owner := as[[]any](row["Events"]), row["Owner"]
			n, err := strconv.Atoi(as[string](row["ID"])[24:])
			if err != nil || len(events) != n%4 || (owner == nil) != (n%5 == 0) {
				t.Errorf("%s: %v has events %v and owner %v", options, row["ID"], events, owner)
			}
			for _, e := range events {
				if as[map[string]any](e)["TokenID"] != row["ID"] {
					t.Errorf("%v has the event %v", row["ID"], e)
				}
			}
		}
	}
}

// nestedTokens counts the tokens in rows, how often each comes, and follows the links of collections inside of them.
func (c client) nestedTokens(rows []any, seen map[string]int) {
	for _, r := range rows {
		row := as[map[string]any](r)
		for name := range row {
			list, ok := row[name].([]any)
			if !ok {
				continue
			}
			next, _ := row[name+"@odata.nextLink"].(string)
			for {
				if name == "Tokens" {
					for _, token := range list {
						if id, ok := as[map[string]any](token)["@odata.id"]; ok {
							seen[as[string](id)]++
						} else {
							seen[as[string](as[map[string]any](token)["ID"])]++
						}
					}
				}
				c.nestedTokens(list, seen)
				if next == "" {
					break
				}
				p := decode(c.t, c.want(http.StatusOK, next))
				list = as[[]any](p["value"])
				next, _ = p["@odata.nextLink"].(string)
			}
		}
	}
}

func TestNestedCollectionsHavePagesOfTheirOwn(t *testing.T) {
	onEach(t, 60, odata.Options{PageSize: 5}, func(t *testing.T, c client, _ accounts, _ func([]any)) {
		for link, want := range map[string]int{
			"Users?$expand=Tokens": 48,
			"Users?$expand=Tokens($top=7;$count=true;$orderby=Name desc)": 14,
			"Users?$expand=Tokens($skip=20)":                              8,
			"Users?$expand=Tokens/$ref":                                   48,
			"Users?$expand=Tokens($orderby=Owner/Name,ExpiresAt desc;$expand=Events($top=1;$count=true),Owner)": 48,
			"Users?$expand=Tokens($filter=Name eq @n or Name eq 'x;)')&@n='token 1'":                            6,
			"Users?$expand=Tokens($search=token OR a%3Bb)":                                                      48,
			"Users('ann')?$expand=Tokens":                                                                       24,
			"Users?$expand=Staff($expand=Tokens)":                                                               24,
			"Users?$expand=Staff($levels=3;$expand=Tokens)&$filter=ID eq 'ann'":                                 24,
			"Users?$expand=Tokens,Staff($expand=Tokens)&$filter=ID eq 'ann'&$format=json;odata.metadata=none":   48,
		} {
			seen := map[string]int{}
			first := decode(t, c.want(200, link))
			rows, many := first["value"].([]any)
			if !many {
				rows = []any{first}
			}
			c.nestedTokens(rows, seen)
			for id, n := range seen {
				if n != 1 {
					t.Errorf("%s: %s comes %d times", link, id, n)
				}
			}
			if len(seen) != want {
				t.Errorf("%s: %d tokens instead of %d", link, len(seen), want)
			}
		}
	})
}
