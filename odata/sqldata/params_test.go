package sqldata

import "testing"

func TestParametersOfTheCallerAreFoundOutsideQuotesOnly(t *testing.T) {
	for _, c := range []struct {
		engine   Engine
		in, want string // "" is refused
	}{
		{SQLite, `owner = $user.email and w=$workspace`, `owner = <user.email> and w=<workspace>`},
		{SQLite, `a = '$me' and "$me" = $me or [$me]=1 and ` + "`$me`" + `=2`, `a = '$me' and "$me" = <me> or [$me]=1 and ` + "`$me`" + `=2`},
		{SQLite, `a = 'it''s $me' and b = "x""$me"`, `a = 'it''s $me' and b = "x""$me"`},
		{Postgres, `tags[$n] = any(array[$me]) and x::text = $me`, `tags[<n>] = any(array[<me>]) and x::text = <me>`},
		{Postgres, `a = E'it\'s $me' and b = $me`, `a = E'it\'s $me' and b = <me>`},
		{Postgres, `a$b = $me.`, `a$b = <me>.`},
		{Postgres, `größe$me = $größe`, ""},
		{Postgres, `data ? 'a'`, `data ? 'a'`},
		{SQLite, `a = ?`, ""},
		{SQLite, `a = :me`, ""},
		{SQLite, `a = @me`, ""},
		{SQLite, `a = $1`, ""},
		{Postgres, `a = $1`, ""},
		{Postgres, `a = $$x$$`, ""},
		{Postgres, `a = $x$ or 1=1 $x$`, ""},
		{SQLite, `a = $me; delete from t`, ""},
		{SQLite, `a = 1 -- and b = $me`, ""},
		{Postgres, `a = 1 /* $me */`, ""},
		{SQLite, `a = 'open`, ""},
		{Postgres, `a = "open`, ""},
		{SQLite, `[open = 1`, ""},
		{SQLite, `(a = 1) and b in (')', $me)`, `(a = 1) and b in (')', <me>)`},
		{SQLite, `a = $me) or (1 = 1`, ""},
		{Postgres, `(a = $me`, ""},
	} {
		got, err := withParams(c.engine, c.in, func(name string) (string, error) { return "<" + name + ">", nil })
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func FuzzParametersNeverPanicAndKeepWhatIsNone(f *testing.F) {
	f.Add(`a = 'x' and b = $me`)
	f.Add(`E'\`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, engine := range []Engine{SQLite, Postgres} {
			got, err := withParams(engine, text, func(name string) (string, error) { return "$" + name, nil })
			if err == nil && got != text {
				t.Errorf("%q became %q", text, got)
			}
		}
	})
}
