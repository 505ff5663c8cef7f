package token_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywright/keywright/internal/token"
)

func period(t testing.TB, s string) token.Period {
	t.Helper()
	p, err := token.ParsePeriod(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPeriodsEndWhereTheRuleSays(t *testing.T) {
	for _, c := range []struct{ what, from, period, want string }{
		{"an ordinary day", "2026-11-23", "P1Y", "2027-11-23"},
		{"from 29 February to a year without one", "2024-02-29", "P1Y", "2025-02-28"},
		{"from 29 February to a leap year", "2024-02-29", "P4Y", "2028-02-29"},
		{"12 months from 29 February", "2024-02-29", "P12M", "2025-02-28"},
		{"48 months from 29 February", "2024-02-29", "P48M", "2028-02-29"},
		{"28 February into a leap year", "2027-02-28", "P1Y", "2028-02-28"},
		{"1 March into a leap year", "2027-03-01", "P1Y", "2028-03-01"},
		{"a leap day in between", "2024-01-15", "P1Y", "2025-01-15"},
		{"365 days over a leap day", "2024-01-15", "P365D", "2025-01-14"},
		{"365 days without one", "2025-01-15", "P365D", "2026-01-15"},
		{"no leap year in 2100", "2096-02-29", "P4Y", "2100-02-28"},
		{"a leap year in 2000", "1996-02-29", "P4Y", "2000-02-29"},
		{"a month from 31 January", "2026-01-31", "P1M", "2026-02-28"},
		{"a month from 31 January of a leap year", "2028-01-31", "P1M", "2028-02-29"},
		{"a month from 30 January", "2026-01-30", "P1M", "2026-02-28"},
		{"a month from 28 February is no month end", "2026-02-28", "P1M", "2026-03-28"},
		{"a month from 31 March", "2026-03-31", "P1M", "2026-04-30"},
		{"a month from 31 December", "2026-12-31", "P1M", "2027-01-31"},
		{"two months over February", "2026-12-31", "P2M", "2027-02-28"},
		{"6 months from 31 August", "2026-08-31", "P6M", "2027-02-28"},
		{"14 months", "2026-11-30", "P14M", "2028-01-30"},
		{"days are added last", "2024-02-29", "P1Y1D", "2025-03-01"},
		{"months before days", "2026-01-31", "P1M1D", "2026-03-01"},
		{"90 days", "2026-11-23", "P90D", "2027-02-21"},
	} {
		from, _ := time.Parse(time.DateOnly, c.from)
		from = from.Add(13*time.Hour + 5*time.Minute + 7*time.Second + 9*time.Nanosecond)
		got := period(t, c.period).From(from)
		if got.Format(time.DateOnly) != c.want || got.Sub(from)%(24*time.Hour) != 0 || got.Location() != time.UTC {
			t.Errorf("%s: %s from %s is %s, want %s at the same time of day", c.what, c.period, from, got, c.want)
		}
	}
}

func TestTheDayIsTheDayInUTC(t *testing.T) {
	east := time.FixedZone("east", 14*3600)
	got := period(t, "P1Y").From(time.Date(2024, 3, 1, 10, 0, 0, 0, east)) // 29 February in UTC
	if want := time.Date(2025, 2, 28, 20, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTwelveMonthsAreOneYearOnEveryDayOfEightYears(t *testing.T) {
	year, months := period(t, "P1Y"), period(t, "P12M")
	for day := time.Date(2023, 1, 1, 23, 59, 59, 0, time.UTC); day.Year() < 2031; day = day.AddDate(0, 0, 1) {
		a, b := year.From(day), months.From(day)
		want := time.Date(day.Year()+1, day.Month(), day.Day(), 23, 59, 59, 0, time.UTC)
		if day.Month() == time.February && day.Day() == 29 {
			want = want.AddDate(0, 0, -1) // time.Date made it 1 March
		}
		if !a.Equal(b) || !a.Equal(want) {
			t.Errorf("from %s: a year ends %s, 12 months end %s, want %s", day, a, b, want)
		}
	}
}

func TestPeriodsReachTheMonthTheyNameOnTheSameOrItsLastDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), 0).UTC()
		p := token.Period{Years: rapid.IntRange(0, 10).Draw(t, "years"), Months: rapid.IntRange(0, 120).Draw(t, "months")}
		got := p.From(from)
		if reached := got.Year()*12 + int(got.Month()); reached != (from.Year()+p.Years)*12+int(from.Month())+p.Months {
			t.Fatalf("%s from %s reaches %s", p, from, got)
		}
		lastDay := got.AddDate(0, 0, 1).Month() != got.Month()
		if got.Day() != from.Day() && (!lastDay || got.Day() > from.Day()) {
			t.Fatalf("%s from %s is %s", p, from, got)
		}
		// A later beginning never ends earlier: nobody gains by asking sooner.
		later := p.From(from.Add(time.Duration(rapid.Int64Range(0, 100*24*3600).Draw(t, "later")) * time.Second))
		if later.Before(got) && later.Format(time.DateOnly) != got.Format(time.DateOnly) {
			t.Fatalf("%s ends %s, and begun later %s", p, got, later)
		}
	})
}

func TestPeriodsReadBackAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := token.Period{
			Years: rapid.IntRange(0, 999).Draw(t, "years"), Months: rapid.IntRange(0, 9999).Draw(t, "months"), Days: rapid.IntRange(0, 99999).Draw(t, "days"),
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		got := token.Period{Years: 7}
		if err := json.Unmarshal(b, &got); err != nil || got != p {
			t.Fatalf("%+v is %s and reads as %+v, %v", p, b, got, err)
		}
	})
}

func TestParsePeriodRefusesWhatIsNoPeriod(t *testing.T) {
	for _, s := range []string{"", "P", "1Y", "P1", "PY", "P-1Y", "P1.5Y", "P1D1Y", "P1W", "PT1H", "P1YT1H", "p1y", " P1Y", "P1Y\n", "P1000Y", "P100000D", "P１Y"} {
		if p, err := token.ParsePeriod(s); err == nil {
			t.Errorf("%q reads as %v", s, p)
		}
	}
	if got := (token.Period{}).String(); got != "P0D" {
		t.Errorf("the empty period is %q", got)
	}
}

func TestPeriodsAreSaidInWords(t *testing.T) {
	for s, want := range map[string]string{
		"P1Y": "one year", "P12M": "12 months", "P90D": "90 days", "P1M": "one month", "P1D": "one day", "P2Y6M": "2 years and 6 months",
		"P1Y1M1D": "one year, one month and one day",
	} {
		if got := period(t, s).Words(); got != want {
			t.Errorf("%s is %q, want %q", s, got, want)
		}
	}
}

func FuzzParsePeriod(f *testing.F) {
	for _, s := range []string{"P1Y", "P12M", "P90D", "P1Y2M3D", "P0D", "P", "P99999D", "P01Y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := token.ParsePeriod(s)
		if err != nil {
			return
		}
		again, err := token.ParsePeriod(p.String())
		if err != nil || again != p {
			t.Errorf("%q reads as %+v, written %q, which reads as %+v, %v", s, p, p, again, err)
		}
		now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		if p.From(now).Before(now) || p.IsZero() != p.From(now).Equal(now) {
			t.Errorf("%q ends %s", s, p.From(now))
		}
	})
}
