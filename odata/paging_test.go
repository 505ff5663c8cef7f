package odata_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
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

func TestMIN_03_FollowingNextLinksGivesEachRowOnceEvenWhileRowsAreAdded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := newAccounts()
		source := a.rows(rapid.IntRange(0, 60).Draw(rt, "rows"))
		before := slices.Clone(source[a.tokens])
		c := newClient(t, a.model, source, odata.Options{PageSize: rapid.IntRange(1, 9).Draw(rt, "page")})
		order := rapid.SampledFrom([]string{
			"", "$orderby=ExpiresAt", "$orderby=ExpiresAt desc", "$orderby=Status,Name desc", "$orderby=Owner/Name desc", "$orderby=length(Name),ID desc",
		}).Draw(rt, "order")
		top, skip := rapid.IntRange(-1, 40).Draw(rt, "top"), rapid.IntRange(-1, 20).Draw(rt, "skip")
		link := "Tokens?" + order
		wanted := newClient(t, a.model, source, odata.Options{PageSize: 1000}).page(link).Value
		if skip > 0 {
			link += fmt.Sprintf("&$skip=%d", skip)
			wanted = wanted[min(skip, len(wanted)):]
		}
		if top >= 0 {
			link += fmt.Sprintf("&$top=%d", top)
			wanted = wanted[:min(top, len(wanted))]
		}
		if rapid.Bool().Draw(rt, "expand") {
			link += "&$expand=Events,Owner"
		}
		added := 0
		rows, _ := c.all(link, func() {
			if added++; added > 20 {
				return
			}
			extra := slices.Clone(source[a.tokens][0])
			extra[0] = strings.Replace(guid(added), "00000000", "ffffffff", 1)
			source[a.tokens] = append(source[a.tokens], extra)
		})
		got := slices.DeleteFunc(ids(rows), func(id string) bool { return strings.HasPrefix(id, "f") })
		want := ids(wanted)
		if top >= 0 { // what was added may have taken the place of rows at the end
			want = want[:min(len(got), len(want))]
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%s of %d rows:\n got %v\nwant %v", link, len(before), got, want)
		}
		if top >= 0 && len(rows) > top {
			rt.Fatalf("%s gives %d rows", link, len(rows))
		}
	})
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
		if _, pages := c.all(link, nil); pages != want {
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
	if len(got["Events"].([]any)) != 2 || got["Events@odata.nextLink"] == nil {
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
		if rows, _ := c.all(sent, nil); len(rows) != 30 && !strings.Contains(sent, "$top=20") {
			t.Errorf("%s: %d rows", sent, len(rows))
		}
	}
}

func TestNestedCollectionsHavePagesOfTheirOwn(t *testing.T) {
	a := newAccounts()
	c := newClient(t, a.model, a.rows(60), odata.Options{PageSize: 5})
	type nested struct {
		link string
		want int
	}
	for _, n := range []nested{
		{"Users?$expand=Tokens", 24 + 24},
		{"Users?$expand=Tokens($top=7;$count=true;$orderby=Name desc)", 7 + 7},
		{"Users?$expand=Tokens($skip=20)", 4 + 4},
		{"Users?$expand=Tokens/$ref", 24 + 24},
		{"Users?$expand=Tokens($filter=Name eq @n or Name eq 'x;)')&@n='token 1'", 6},
		{"Users('ann')?$expand=Tokens", 24},
		{"Users?$expand=Staff($expand=Tokens)", 24},
		{"Users?$expand=Staff($levels=3;$expand=Tokens)&$filter=ID eq 'ann'", 24},
	} {
		count, tokens := 0, map[string]int{}
		var walk func(rows []any)
		walk = func(rows []any) {
			for _, r := range rows {
				row := r.(map[string]any)
				for name, v := range row {
					list, ok := v.([]any)
					if !ok {
						continue
					}
					if name == "Tokens" {
						for _, token := range list {
							tokens[fmt.Sprint(token)]++
							count++
						}
					} else {
						walk(list)
					}
					for next, _ := row[name+"@odata.nextLink"].(string); next != ""; {
						p := c.page(next)
						next = p.Next
						for _, token := range p.Value {
							delete(token, "@odata.context")
							tokens[fmt.Sprint(token)]++
							count++
						}
					}
				}
			}
		}
		if strings.HasPrefix(n.link, "Users(") {
			walk([]any{decode(t, c.want(200, n.link))})
		} else {
			for _, u := range c.page(n.link).Value {
				walk([]any{u})
			}
		}
		if count != n.want || len(tokens) != n.want {
			t.Errorf("%s: %d tokens, of which %d are different, instead of %d", n.link, count, len(tokens), n.want)
		}
	}
}
