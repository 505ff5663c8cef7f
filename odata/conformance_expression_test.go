package odata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/edm"
)

// expressions are the operators and functions of URL Conventions 5.1.1. What is listed is true of the first of Kinds, and so its
// negation is not; what is behind "null:" is true of the second, which has no values.
func expressions() []requirement {
	var list []requirement
	for _, table := range []map[string][]string{operators(), textFunctions(), timeFunctions(), numberFunctions()} {
		for id, all := range table {
			list = append(list, requirement{id, func(_ *testing.T, f *feed) { f.holds(all) }})
		}
	}
	list = append(list,
		requirement{"FN-isof", refused("isof(Int32,Edm.Int32)", "isof(Acme.KindOfValue)")},
		requirement{"FN-matchespattern", refused("matchesPattern(Text,'G.*')")},
		requirement{"FN-hassubset", refused("hassubset(Text,Text)")},
		requirement{"FN-hassubsequence", refused("hassubsequence(Text,Text)")},
		requirement{"FN-geo", refused("geo.distance(Text,Text) gt 1", "geo.length(Text) gt 1", "geo.intersects(Text,Text)")},
	)
	slices.SortFunc(list, func(a, b requirement) int { return strings.Compare(a.id, b.id) })
	return list
}

// refused are expressions that are understood and not supported.
func refused(filters ...string) func(t *testing.T, f *feed) {
	return func(_ *testing.T, f *feed) {
		for _, filter := range filters {
			f.want(501, "Kinds?$filter="+filter)
		}
	}
}

func (f *feed) holds(all []string) {
	f.t.Helper()
	for _, filter := range all {
		id := "1"
		if rest, null := strings.CutPrefix(filter, "null:"); null {
			id, filter = "2", rest
		}
		if got := field(f.rows("Kinds?$select=ID&$filter=ID eq "+id+" and ("+filter+")"), "ID"); got != id {
			f.t.Errorf("%s is not true of %s", filter, id)
		}
		if got := f.rows("Kinds?$select=ID&$filter=ID eq " + id + " and not (" + filter + ")"); len(got) != 0 {
			f.t.Errorf("not (%s) is true as well", filter)
		}
	}
}

func operators() map[string][]string {
	return map[string][]string{
		"OP-eq":     {"Int32 eq 2000000000", "Decimal eq 12.75", "Double eq 0.1", "Single eq Double add 2.4", "Text eq 'Grüße, O''Neil'", "Bool", "Bool eq true", "null:Text eq null"},
		"OP-ne":     {"Int32 ne 1", "Text ne 'grüße, o''neil'", "Bool ne false", "Text ne null", "null:Text ne 'a'", "null:not (Text ne null)"},
		"OP-gt":     {"Int32 gt 1", "Decimal gt 12.74", "Text gt 'Gr'", "Date gt 2024-02-28", "Guid gt 01234567-89ab-cdef-0123-456789abcdee", "null:not (Int32 gt 1)", "not (Int32 gt null)"},
		"OP-ge":     {"Int32 ge 2000000000", "Int16 ge SByte sub 29900", "Instant ge 2026-01-02T03:04:05.123456Z", "null:not (Int32 ge 1)"},
		"OP-lt":     {"SByte lt 0", "Time lt 13:14:15.26", "Span lt duration'PT2H'", "Int64 lt 1e300", "null:not (Int32 lt 1)"},
		"OP-le":     {"SByte le -100", "Double le 0.1", "Text le 'H'", "null:not (Int32 le 1)"},
		"OP-has":    {"Rights has Acme.Rights'read'", "Rights has Acme.Rights'read,write'", "not (Rights has Acme.Rights'share')", "Rights has 'write'"},
		"OP-in":     {"Int32 in (1,2000000000)", "Text in ('a','Grüße, O''Neil')", "not (Byte in (1,2))", "Status in ('active','revoked')", "null:Text in ('a',null)", "null:not (Text in ('a'))"},
		"OP-and":    {"Bool and Int32 gt 1", "not (Bool and false)", "null:not (Bool and false)", "null:(Bool and true) eq null"},
		"OP-or":     {"false or Bool", "null:Bool or true", "null:(Bool or false) eq null"},
		"OP-not":    {"not false", "not (Int32 eq 1)", "null:(not Bool) eq null"},
		"OP-add":    {"Int32 add 1 eq 2000000001", "Int32 add 2000000000 eq 4000000000", "Decimal add 0.05 eq 12.8", "Double add 0.5 eq 0.6", "Date add duration'P1D' eq 2024-03-01", "Instant add duration'PT1H' gt 2026-01-02T04:04:05Z", "Span add Span eq duration'PT3H'", "null:Int32 add 1 eq null"},
		"OP-sub":    {"Byte sub 201 eq -1", "Decimal sub 13 eq -0.25", "Instant sub Instant eq duration'PT0S'", "Date sub duration'P1D' eq 2024-02-28", "Date sub 2024-02-28 eq duration'P1D'"},
		"OP-mul":    {"Int32 mul 2 eq 4000000000", "Decimal mul 2 eq 25.5", "Single mul 2 eq 5"},
		"OP-div":    {"Byte div 3 eq 66", "SByte div 3 eq -33", "Decimal div 2 eq 6.375", "Single div 2 eq 1.25", "Byte div 0 eq null", "Decimal div 0 eq null", "7 div 2 eq 3"},
		"OP-divby":  {"Byte divby 3 gt 66.6", "Byte divby 16 eq 12.5", "Byte divby 0 eq null"},
		"OP-mod":    {"Byte mod 7 eq 4", "SByte mod 7 eq -2", "Decimal mod 5 eq 2.75", "Byte mod 0 eq null"},
		"OP-negate": {"-SByte eq 100", "-Decimal eq -12.75", "-(Byte add 1) eq -201", "-Span eq duration'-PT1H30M'", "- SByte eq 100"},
		"OP-precedence": {
			"1 add 2 mul 3 eq 7", "10 sub 4 sub 3 eq 3", "(1 add 2) mul 3 eq 9", "2 gt 1 eq true", "not false and true", "not (not true and false)", "true or true and false",
			"7 div 2 mul 2 eq 6", "-2 add 3 eq 1", "not (1 eq 1 and false) or false", "Byte add 1 gt Byte and Byte sub 1 lt Byte", "Text in ('b') eq false",
		},
		"OP-promotion": {"Byte lt Int16 add 40000", "Int64 eq 9007199254740993", "not (Int64 eq 9007199254740992)", "Decimal gt Byte sub 190", "Single gt Decimal sub 11", "Int32 add 1 gt 2000000000.5", "100D eq 100", "1.5M eq 1.5", "2f lt 3L"},
		"OP-encoding":  {"Größe%20eq%20%27x%27", "Text%20eq%20'Gr%C3%BC%C3%9Fe,%20O%27%27Neil'", "'1%2B1' eq '1+1'", "'a%26b' ne 'a'", "length('a;b') eq 3"},
	}
}

func textFunctions() map[string][]string {
	return map[string][]string{
		"FN-concat":     {"concat(Größe,'y') eq 'xy'", "concat(concat('a',Größe),'b') eq 'axb'", "null:concat(Text,'a') eq null"},
		"FN-contains":   {"contains(Text,'üße')", "not contains(Text,'ÜSSE')", "not contains(Text,'%25')", "contains(Text,'')", "contains(Text,'O''N')", "null:contains(Text,'a') eq null"},
		"FN-startswith": {"startswith(Text,'Grü')", "not startswith(Text,'grü')", "not startswith(Text,'_r')"},
		"FN-endswith":   {"endswith(Text,'Neil')", "not endswith(Text,'neil')"},
		"FN-indexof":    {"indexof(Text,'ü') eq 2", "indexof(Text,'ß') eq 3", "indexof(Text,'zzz') eq -1", "indexof(Text,'') eq 0"},
		"FN-length":     {"length(Text) eq 13", "length('😀') eq 1", "length('') eq 0", "null:length(Text) eq null"},
		"FN-substring":  {"substring(Text,2) eq 'üße, O''Neil'", "substring(Text,2,3) eq 'üße'", "substring(Text,100) eq ''", "substring(Text,-4) eq 'Neil'", "substring(Text,0,0) eq ''"},
		"FN-tolower":    {"tolower(Text) eq 'grüße, o''neil'", "tolower('ÄΣ') eq 'äς'"},
		"FN-toupper":    {"toupper(Text) eq 'GRÜSSE, O''NEIL'"},
		"FN-trim":       {"trim('  a b ') eq 'a b'", "trim(Text) eq Text"},
	}
}

func timeFunctions() map[string][]string {
	return map[string][]string{
		"FN-year":               {"year(Instant) eq 2026", "year(Date) eq 2024"},
		"FN-month":              {"month(Instant) eq 1", "month(Date) eq 2"},
		"FN-day":                {"day(Instant) eq 2", "day(Date) eq 29"},
		"FN-hour":               {"hour(Instant) eq 3", "hour(Time) eq 13"},
		"FN-minute":             {"minute(Instant) eq 4", "minute(Time) eq 14"},
		"FN-second":             {"second(Instant) eq 5", "second(Time) eq 15"},
		"FN-fractionalseconds":  {"fractionalseconds(Instant) eq 0.123456", "fractionalseconds(Time) eq 0.25"},
		"FN-totalseconds":       {"totalseconds(Span) eq 5400", "totalseconds(duration'PT1.5S') eq 1.5"},
		"FN-date":               {"date(Instant) eq 2026-01-02", "date(Instant) gt Date"},
		"FN-time":               {"time(Instant) eq 03:04:05.123456", "time(Instant) lt Time"},
		"FN-totaloffsetminutes": {"totaloffsetminutes(Instant) eq 0"},
		"FN-now":                {"now() eq 2026-06-01T12:00:00Z", "Instant lt now()", "now() eq now()"},
		"FN-mindatetime":        {"mindatetime() lt Instant", "year(mindatetime()) eq 1"},
		"FN-maxdatetime":        {"maxdatetime() gt Instant", "year(maxdatetime()) eq 9999"},
	}
}

func numberFunctions() map[string][]string {
	return map[string][]string{
		"FN-round":   {"round(Decimal) eq 13", "round(Single) eq 3", "round(-Single) eq -3", "round(-2.5) eq -3", "round(0.5D) eq 1", "round(Double) eq 0", "null:round(Decimal) eq null"},
		"FN-floor":   {"floor(Decimal) eq 12", "floor(-Single) eq -3", "floor(Double) eq 0"},
		"FN-ceiling": {"ceiling(Decimal) eq 13", "ceiling(-Single) eq -2", "ceiling(Double) eq 1"},
		"FN-cast":    {"cast(Int32,Edm.String) eq '2000000000'", "cast(Decimal,Edm.Int32) eq 13", "cast('5',Edm.Int32) eq 5", "cast(Int32,Edm.Double) eq 2e9", "cast(Guid,Edm.String) eq '01234567-89ab-cdef-0123-456789abcdef'", "cast(Byte,Edm.SByte) eq null"},
		"FN-case":    {"case(Byte gt 100:'many',true:'few') eq 'many'", "case(false:1,true:2) eq 2", "case(false:1) eq null", "null:case(Bool:1,true:2) eq 2"},
	}
}

func TestWhatMetadataPromisesOfFilterIsAnOperatorOrFunctionThatIsTested(t *testing.T) {
	tested := map[string]bool{"OP-any": true, "OP-all": true} // by INT-15
	for _, r := range requirements() {
		tested[r.id] = true
	}
	for _, name := range edm.FilterFunctions() {
		if !tested["OP-"+name] && !tested["FN-"+name] {
			t.Errorf("%s is promised and not tested", name)
		}
	}
}

// differences are where this service and the specification differ, or where something ends.
func differences() []requirement {
	return []requirement{
		{"D-version", func(t *testing.T, f *feed) {
			for _, path := range []string{"Tokens", "$metadata", "Nothing"} {
				if a, b := f.get(path, "OData-MaxVersion", "4.0"), f.get(path, "OData-MaxVersion", "4.01"); a.status != b.status || !strings.Contains(a.body, "nextLink") && a.body != b.body {
					t.Errorf("%s: %d %d", path, a.status, b.status)
				}
			}
		}},
		{"D-dollarless", func(t *testing.T, f *feed) {
			f.says("Tokens?$top=1&filter=false&top=0&orderby=Nope", f.want(200, "Tokens?$top=1").body)
			f.wants(400, "Tokens?$FILTER=true", "Tokens?$filter=Uses GT 1", "Tokens?$filter=Contains(Name,'a')", "Tokens?$orderby=Name DESC")
		}},
		{"D-schemaversion", func(_ *testing.T, f *feed) { f.wants(501, "Tokens?$schemaversion=*", "$metadata?$schemaversion=1") }},
		{"D-paths", func(_ *testing.T, f *feed) {
			f.wants(501, "$all", "$crossjoin(Users,Tokens)", "Tokens/$filter(@f)?@f=true", "Tokens/$each")
		}},
		{"D-search", func(_ *testing.T, f *feed) { f.wants(501, "Events?$search=a", "Kinds/$count?$search=a") }},
		{"D-offset", func(_ *testing.T, f *feed) { f.wants(501, "Kinds?$filter=hour(2026-01-02T04:04:05%2B01:00) eq 4") }},
		{"D-mod", func(_ *testing.T, f *feed) {
			f.wants(501, "Kinds?$filter=Double mod 2 eq 0", "Kinds?$filter=Span mul 2 eq Span")
		}},
		{"D-infinite", func(t *testing.T, f *feed) {
			want := `"INF"`
			if f.name != "memory" {
				want = "null"
			}
			if r := f.want(200, "Kinds(1)?$compute=Double div 0 as X&$select=X"); !strings.HasSuffix(r.body, `"X":`+want+`}`) {
				t.Error(r.body)
			}
		}},
		{"D-binary", func(_ *testing.T, f *feed) { f.wants(501, "Kinds?$filter=binary'AAAA' eq null") }},
		{"D-nan", func(t *testing.T, f *feed) {
			want := map[string]string{"memory": "", "sqlite": "", "postgres": "5"}[f.name]
			for _, filter := range []string{"Double add Single gt 0", "Double add Single eq NaN"} {
				if got := field(f.rows("Kinds?$select=ID&$filter=ID eq 5 and "+filter), "ID"); got != want {
					t.Errorf("%s finds %q", filter, got)
				}
			}
		}},
		{"D-overflow", func(_ *testing.T, f *feed) {
			f.wants(500, "Kinds(1)?$compute=Int64 mul 9007199254740993 as X&$select=X")
		}},
		{"D-decimals", func(t *testing.T, f *feed) {
			_, got, _ := strings.Cut(f.want(200, "Kinds(5)?$select=Decimal").body, `"Decimal":`)
			if got = strings.TrimSuffix(got, "}"); f.exact() && got != "123456789012345678901234.5670" || !f.exact() && (!strings.HasPrefix(got, "123456789012345") || len(got) != 24) {
				t.Error(got)
			}
		}},
		{"D-limits", differenceLimits},
	}
}

func differenceLimits(t *testing.T, f *feed) {
	f.want(414, "Tokens?$filter=Name eq '"+strings.Repeat("a", 16<<10)+"'")
	f.want(200, "Tokens?$top=1&$filter=Name eq '"+strings.Repeat("a", 15<<10)+"'")
	f.want(400, "Tokens?$filter="+strings.Repeat("(", 101)+"true"+strings.Repeat(")", 101))
	f.want(200, "Tokens?$top=1&$filter="+strings.Repeat("(", 90)+"true"+strings.Repeat(")", 90))
	f.want(400, "Tokens?$filter=Uses in ("+strings.Repeat("1,", 2000)+"1)")
	f.want(200, "Tokens?$top=1&$filter=Uses in ("+strings.Repeat("1,", 1900)+"1)")
	f.want(400, "Users?$expand=Boss("+strings.Repeat("$expand=Boss(", 5)+"$select=ID"+strings.Repeat(")", 6))
	f.want(200, "Users?$expand=Boss("+strings.Repeat("$expand=Boss(", 4)+"$select=ID"+strings.Repeat(")", 5))
	if r := f.send("POST", "$batch", strings.Repeat("x", 1<<20+1), "Content-Type", "multipart/mixed; boundary=b"); r.status != 413 {
		t.Errorf("%d", r.status)
	}
	if r := f.send("POST", "$batch", multipartBatch(slices.Repeat([]string{"GET Users('ann')/ID"}, 101)...), "Content-Type", "multipart/mixed; boundary=b"); r.status != 400 && r.status != 413 {
		t.Errorf("%d", r.status)
	}
	big := newFeed(t, f.world, f.name, f.source, odata.Options{})
	if rows := big.rows("Tokens", "Prefer", "maxpagesize=1000000"); len(rows) != 25 {
		t.Errorf("%d rows", len(rows))
	}
	long := newFeed(t, f.world, f.name, repeating{f.source, 6000, nil}, odata.Options{})
	if page := long.want(200, "Tokens?$select=ID"); strings.Count(page.body, `"ID"`) != 5000 || !strings.Contains(page.body, "nextLink") {
		t.Errorf("%d rows", strings.Count(page.body, `"ID"`))
	}
	if r := big.want(200, "Tokens", "Prefer", "maxpagesize=1000000"); r.header.Get("Preference-Applied") != "maxpagesize=50000" {
		t.Errorf("%v", r.header)
	}
}
