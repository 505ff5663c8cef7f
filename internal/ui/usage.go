package ui

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/keywright/keywright/internal/authority"
)

// usagePage is requests per day.
type usagePage struct {
	Chart           chart
	Days            []option
	Totals          []useRow // per token, the busiest first
	Recent, Earlier []useDay // newest first; what is earlier is folded away
	Everyone        bool
	Path            string
	More            bool
}

type useDay struct {
	Day               moment
	Requests, Refused string
	Rows              []useRow
}

type useRow struct {
	Day                          moment // in a total: the last one
	Token, Owner, Kind           string
	Requests, Refused, Addresses string
}

const (
	mostUses   = 1000 // what the authority answers at most
	recentDays = 7
)

func (v *visit) usage() error {
	days := 30
	d := usagePage{Everyone: v.isAdministrator(), Path: v.at("usage")}
	for _, n := range []int{7, 30, 90, 365} {
		if v.query("days") == fmt.Sprint(n) {
			days = n
		}
	}
	for _, n := range []int{7, 30, 90, 365} {
		d.Days = append(d.Days, option{fmt.Sprint(n), count(n, "day"), n == days})
	}
	u, err := v.authority.Usage(v.r.Context(), v.by, v.in.Slug, "", days)
	if err != nil {
		return err
	}
	d.Chart = drawChart(u.Days)
	d.More = len(u.Tokens) >= mostUses
	called, err := v.callings()
	if err != nil {
		return err
	}
	d.Totals = v.useTotals(u.Tokens, called)
	d.Recent = v.useDays(u.Tokens, called)
	if len(d.Recent) > recentDays {
		d.Recent, d.Earlier = d.Recent[:recentDays], d.Recent[recentDays:]
	}
	return v.show(page{title: "Usage", name: "usage", data: d, here: "usage", crumbs: []string{settingsMenu, "Usage"}})
}

// calling is what a token is called, and whose it is.
type calling struct{ token, owner string }

// callings are those of the tokens that the log knows; counts of use outlive their tokens.
func (v *visit) callings() (map[string]calling, error) {
	made, err := v.creations(mostUses)
	out := make(map[string]calling, len(made))
	for i := range made {
		out[made[i].TargetID] = calling{made[i].TargetName, made[i].ActorName}
	}
	return out, err
}

func (v *visit) useRow(u *authority.DayUse, called map[string]calling) useRow {
	c := called[u.TokenID]
	name := cmp.Or(u.TokenName, c.token, upper(cmp.Or(kindWord(u.TokenID), "token"))+" "+u.TokenID[max(0, len(u.TokenID)-6):])
	return useRow{
		Day: v.day(time.Unix(u.Day*86400, 0)), Token: name, Owner: dash(c.owner), Kind: kindWord(u.TokenID),
		Requests: comma(u.Requests), Refused: comma(u.Refusals), Addresses: comma(u.Addresses),
	}
}

// useTotals sums per token. Addresses are left out: the same one may come on several days.
func (v *visit) useTotals(uses []authority.DayUse, called map[string]calling) []useRow {
	at := map[string]int{}
	var sums []authority.DayUse
	for _, u := range uses {
		i, ok := at[u.TokenID]
		if !ok {
			at[u.TokenID] = len(sums)
			sums = append(sums, u)
			continue
		}
		sums[i].Requests += u.Requests
		sums[i].Refusals += u.Refusals
	}
	slices.SortStableFunc(sums, func(a, b authority.DayUse) int {
		return cmp.Compare(b.Requests+b.Refusals, a.Requests+a.Refusals)
	})
	var out []useRow
	for i := range sums {
		out = append(out, v.useRow(&sums[i], called))
	}
	return out
}

func (v *visit) useDays(uses []authority.DayUse, called map[string]calling) []useDay {
	var out []useDay
	for len(uses) > 0 {
		n := slices.IndexFunc(uses, func(u authority.DayUse) bool { return u.Day != uses[0].Day })
		if n < 0 {
			n = len(uses)
		}
		var requests, refusals int64
		d := useDay{Day: v.day(time.Unix(uses[0].Day*86400, 0))}
		for i := range uses[:n] {
			requests += uses[i].Requests
			refusals += uses[i].Refusals
			d.Rows = append(d.Rows, v.useRow(&uses[i], called))
		}
		d.Requests, d.Refused = comma(requests), comma(refusals)
		out, uses = append(out, d), uses[n:]
	}
	return out
}
