package edm_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywright/keywright/odata/edm"
)

func of(k edm.Kind) edm.Type { return edm.Type{Kind: k} }

func color() *edm.EnumType {
	return &edm.EnumType{Name: "Color", Flags: true, Members: []edm.EnumMember{
		{Name: "None", Value: 0}, {Name: "Red", Value: 1}, {Name: "Green", Value: 2}, {Name: "Blue", Value: 4}, {Name: "Yellow", Value: 3},
	}}
}

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func TestLiteralsOfEachKindAreReadAndWrittenInOneForm(t *testing.T) {
	for _, test := range []struct {
		kind   edm.Kind
		text   string
		value  any
		format string // "" is text
	}{
		{edm.Boolean, "true", true, ""},
		{edm.Boolean, "False", false, "false"},
		{edm.Byte, "255", int64(255), ""},
		{edm.SByte, "-128", int64(-128), ""},
		{edm.Int16, "-32768", int64(math.MinInt16), ""},
		{edm.Int32, "+7", int64(7), "7"},
		{edm.Int64, "-9223372036854775808", int64(math.MinInt64), ""},
		{edm.Enum, "7", int64(7), ""},
		{edm.Single, "0.1", float64(float32(0.1)), ""},
		{edm.Single, "INF", math.Inf(1), ""},
		{edm.Double, "-INF", math.Inf(-1), ""},
		{edm.Double, "1e21", 1e21, ""},
		{edm.Double, "1E+300", 1e300, "1e300"},
		{edm.Double, "1.5e-7", 1.5e-7, "1.5e-07"},
		{edm.Double, "100000000000000000000", 1e20, ""},
		{edm.Double, "-0", math.Copysign(0, -1), ""},
		{edm.Decimal, "-12.50", "-12.50", ""},
		{edm.Decimal, "+007.10", "7.10", "7.10"},
		{edm.Decimal, "1e3", "1000", "1000"},
		{edm.Decimal, "-1.25E-3", "-0.00125", "-0.00125"},
		{edm.Decimal, "12.345e1", "123.45", "123.45"},
		{edm.Decimal, "-0.00", "0.00", "0.00"},
		{edm.Decimal, "0e999999999999999999999", "0", "0"},
		{edm.Decimal, "79228162514264337593543950335", "79228162514264337593543950335", ""},
		{edm.String, "O'Neil", "O'Neil", ""},
		{edm.Guid, "6BA7B810-9dad-11d1-80b4-00C04FD430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		{edm.Date, "2024-02-29", instant("2024-02-29T00:00:00Z"), ""},
		{edm.Date, "0001-01-01", instant("0001-01-01T00:00:00Z"), ""},
		{edm.TimeOfDay, "23:59", 24*time.Hour - time.Minute, "23:59:00"},
		{edm.TimeOfDay, "07:08:09.5", 7*time.Hour + 8*time.Minute + 9500*time.Millisecond, ""},
		{edm.DateTimeOffset, "2026-01-02T03:04:05Z", instant("2026-01-02T03:04:05Z"), ""},
		{edm.DateTimeOffset, "2026-01-02t03:04z", instant("2026-01-02T03:04:00Z"), "2026-01-02T03:04:00Z"},
		{edm.DateTimeOffset, "2021-02-03T00:00:00+01:00", instant("2021-02-02T23:00:00Z"), "2021-02-02T23:00:00Z"},
		{edm.DateTimeOffset, "2026-12-31T23:30:00.123456789012-05:30", instant("2027-01-01T05:00:00.123456Z"), "2027-01-01T05:00:00.123456Z"},
		{edm.Duration, "PT0S", time.Duration(0), ""},
		{edm.Duration, "-P1DT2H3M4.5S", -(26*time.Hour + 3*time.Minute + 4500*time.Millisecond), ""},
		{edm.Duration, "+PT90M", 90 * time.Minute, "PT1H30M"},
		{edm.Duration, "P2D", 48 * time.Hour, ""},
		{edm.Duration, "pt36h", 36 * time.Hour, "P1DT12H"},
		{edm.Binary, "-_-_", []byte{0xfb, 0xff, 0xbf}, ""},
		{edm.Binary, "AQ", []byte{1}, "AQ=="},
		{edm.Binary, "AQ==", []byte{1}, ""},
	} {
		value, ok := edm.ParseLiteral(test.kind, test.text)
		if diff := cmp.Diff(test.value, value); !ok || diff != "" {
			t.Errorf("%s of %s: %v\n%s", test.text, test.kind, ok, diff)
			continue
		}
		want := test.format
		if want == "" {
			want = test.text
		}
		if got := of(test.kind).Format(value); got != want {
			t.Errorf("%s of %s is written as %s, not as %s", test.text, test.kind, got, want)
		}
	}
}

func TestLiteralsThatAreNoneOrOutOfRangeAreRefused(t *testing.T) {
	for kind, texts := range map[edm.Kind][]string{
		edm.Boolean:        {"", "1", "yes", "true "},
		edm.Byte:           {"", "-1", "256", "1.0", "0x1"},
		edm.SByte:          {"128", "-129"},
		edm.Int16:          {"32768", "1_0"},
		edm.Int32:          {"2147483648", "-2147483649", "1e3"},
		edm.Int64:          {"9223372036854775808", "--1", "12L"},
		edm.Single:         {"1e39", "inf", "0x1p4"},
		edm.Double:         {"", "1e309", "nan", "+INF", "Infinity", "1.", ".5", "1e", "1e+-2", "1_0", "1.5D"},
		edm.Decimal:        {"", ".", "1.", ".5", "-", "1e9999", "1e-9999", "INF", "1e99999999999999999999", "1M", "1e1.5"},
		edm.Guid:           {"", "6ba7b810-9dad-11d1-80b4-00c04fd430c", "6ba7b8109dad11d180b400c04fd430c8", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "6ba7b810-9dad-11d1-80b4-00c04fd430cg"},
		edm.Date:           {"", "2023-02-29", "2023-13-01", "2023-00-01", "2023-01-00", "0000-01-01", "-001-01-01", "10000-01-01", "2023-1-1", "2023-01-01T00:00:00Z", "20230101"},
		edm.TimeOfDay:      {"", "24:00", "12:60", "12:00:60", "12", "1:00", "12:00:00.", "12:00:00.1234567890123", "12:00Z", "-1:00"},
		edm.DateTimeOffset: {"", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05+0100", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05Z+01:00", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "2026-01-02T03:04:05+01:00:00", "2026-01-02T03:04:05 01:00"},
		edm.Duration:       {"", "P", "PT", "P1DT", "P1Y", "P1M", "PT1S1M", "P-1D", "PT1.5H", "PT1.S", "1D", "PT1", "P106752D", "PT9223372036855S1", "PT99999999999999999999S"},
		edm.Binary:         {"A", "A+==", "AQ=", "=", "A Q="},
		edm.Invalid:        {"1"},
		edm.Enum:           {"Red"},
	} {
		for _, text := range texts {
			if value, ok := edm.ParseLiteral(kind, text); ok || value != nil {
				t.Errorf("%q was read as %s: %v", text, kind, value)
			}
		}
	}
}

func TestTheLongestDurationsAreReadAndLongerOnesAreRefused(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT9223372036.854775S":   math.MaxInt64 - 807,
		"-PT9223372036.854775S":  math.MinInt64 + 808,
		"P106751DT23H47M16.854S": 9223372036854 * time.Millisecond,
	} {
		if v, ok := edm.ParseLiteral(edm.Duration, text); !ok || v != want {
			t.Errorf("%s: %v %v", text, v, ok)
		}
	}
	for _, text := range []string{"PT9223372037S", "P106751DT23H47M17S", "-P106751DT24H"} {
		if v, ok := edm.ParseLiteral(edm.Duration, text); ok {
			t.Errorf("%s: %v", text, v)
		}
	}
	if got := of(edm.Duration).Format(time.Duration(math.MinInt64)); got != "-P106751DT23H47M16.854775S" {
		t.Error(got)
	}
}

func TestJSONOfEachKind(t *testing.T) {
	flags := edm.Type{Kind: edm.Enum, Enum: color()}
	plain := edm.Type{Kind: edm.Enum, Enum: &edm.EnumType{Name: "Size", Members: []edm.EnumMember{{Name: "S", Value: 1}, {Name: "L", Value: 2}}}}
	for _, test := range []struct {
		of      edm.Type
		value   any
		json    string
		ieee754 string // "" is json
	}{
		{of(edm.String), nil, `null`, ""},
		{of(edm.Boolean), true, `true`, ""},
		{of(edm.Byte), int64(7), `7`, ""},
		{of(edm.Int32), int64(-7), `-7`, ""},
		{of(edm.Int64), int64(math.MaxInt64), `9223372036854775807`, `"9223372036854775807"`},
		{of(edm.Decimal), "-12.50", `-12.50`, `"-12.50"`},
		{of(edm.Decimal), "0.0000001", `0.0000001`, `"0.0000001"`},
		{of(edm.Double), 1e-7, `1e-07`, ""},
		{of(edm.Double), math.MaxFloat64, `1.7976931348623157e308`, ""},
		{of(edm.Double), math.NaN(), `"NaN"`, ""},
		{of(edm.Double), math.Inf(1), `"INF"`, ""},
		{of(edm.Double), math.Inf(-1), `"-INF"`, ""},
		{of(edm.Single), 0.1, `0.1`, ""},
		{of(edm.Single), math.MaxFloat32, `3.4028235e38`, ""},
		{of(edm.Single), 3.4028235677973362e38, `3.4028235e38`, ""},
		{of(edm.Single), 3.4028235677973366e38, `"INF"`, ""},
		{of(edm.Single), -1e300, `"-INF"`, ""},
		{of(edm.Guid), "6ba7b810-9dad-11d1-80b4-00c04fd430c8", `"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, ""},
		{of(edm.Date), instant("2026-01-02T00:00:00Z"), `"2026-01-02"`, ""},
		{of(edm.TimeOfDay), 90 * time.Minute, `"01:30:00"`, ""},
		{of(edm.DateTimeOffset), time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.FixedZone("", 3600)), `"2026-01-02T02:04:05.6789Z"`, ""},
		{of(edm.Duration), 90 * time.Second, `"PT1M30S"`, ""},
		{of(edm.Binary), []byte{0xfb, 0xff}, `"-_8="`, ""},
		{flags, int64(4), `"Blue"`, ""},
		{flags, int64(3), `"Yellow"`, ""},
		{flags, int64(5), `"Red,Blue"`, ""},
		{flags, int64(7), `"Red,Green,Blue"`, ""},
		{flags, int64(0), `"None"`, ""},
		{flags, int64(9), `"9"`, ""},
		{plain, int64(2), `"L"`, ""},
		{plain, int64(3), `"3"`, ""},
		{of(edm.String), "a\"\\\n\r\t\b\x00\x1f/<>&\u2028\u2029ü😀\xff", `"a\"\\\n\r\t\u0008\u0000\u001f/<>&\u2028\u2029ü😀` + "\ufffd" + `"`, ""},
		{of(edm.String), "\ufffd", "\"\ufffd\"", ""},
		{of(edm.String), "", `""`, ""},
	} {
		for ieee754, want := range map[bool]string{false: test.json, true: test.ieee754} {
			if want == "" {
				want = test.json
			}
			got, err := test.of.AppendJSON([]byte("x"), test.value, ieee754)
			if err != nil || string(got) != "x"+want {
				t.Errorf("%s %v is %s, not %s (%v)", test.of.Kind, test.value, got[1:], want, err)
			}
			if !json.Valid(got[1:]) {
				t.Errorf("%s is no JSON", got[1:])
			}
		}
	}
}

func TestWhatIsNotOfTheKindsGoFormIsAnErrorAndWritesNothing(t *testing.T) {
	for _, test := range []struct {
		kind  edm.Kind
		value any
	}{
		{edm.Boolean, int64(1)},
		{edm.Byte, int64(256)},
		{edm.Int16, int64(1 << 15)},
		{edm.Int32, int64(1 << 31)},
		{edm.Int32, 1},
		{edm.Int64, "1"},
		{edm.Int64, 1.0},
		{edm.Double, int64(1)},
		{edm.Decimal, 1.5},
		{edm.Decimal, "1e5"},
		{edm.Decimal, ""},
		{edm.Decimal, "01"},
		{edm.Decimal, "1."},
		{edm.Decimal, ".1"},
		{edm.Decimal, "1x"},
		{edm.Decimal, "1,5"},
		{edm.String, []byte("a")},
		{edm.Guid, "6BA7B810-9dad-11d1-80b4-00c04fd430c8"},
		{edm.Guid, `"`},
		{edm.Date, "2026-01-02"},
		{edm.Date, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
		{edm.DateTimeOffset, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{edm.TimeOfDay, 24 * time.Hour},
		{edm.TimeOfDay, -time.Second},
		{edm.Duration, int64(1)},
		{edm.Binary, "AQ=="},
		{edm.Enum, "Red"},
		{edm.Invalid, true},
		{edm.Invalid, int64(1)},
		{edm.Invalid, "a"},
	} {
		got, err := of(test.kind).AppendJSON([]byte("x"), test.value, true)
		if err == nil || string(got) != "x" {
			t.Errorf("%s %#v gave %s, %v", test.kind, test.value, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "1e5") {
			t.Errorf("the error repeats the value: %v", err)
		}
		if text := of(test.kind).Format(test.value); text != "" {
			t.Errorf("%s %#v is formatted as %s", test.kind, test.value, text)
		}
	}
}

func TestMembersOfEnumerationsAreReadByNameAndNumber(t *testing.T) {
	flags := edm.Type{Kind: edm.Enum, Enum: color()}
	for text, want := range map[string]any{"Red": int64(1), "Red,Blue": int64(5), "Blue, 1": int64(5), "4": int64(4), "red": nil, "": nil, "Red,": nil, "Red;Blue": nil} {
		if got, _ := flags.Parse(text); got != want {
			t.Errorf("%q is %v, not %v", text, got, want)
		}
	}
	plain := edm.Type{Kind: edm.Enum, Enum: &edm.EnumType{Members: []edm.EnumMember{{Name: "S", Value: 1}, {Name: "L", Value: 2}}}}
	if v, ok := plain.Parse("S,L"); ok {
		t.Errorf("two members of an enumeration without flags are %v", v)
	}
}

// kinds that can be read and written without a model.
func kinds() []edm.Kind {
	var all []edm.Kind
	for k := edm.Boolean; k <= edm.Enum; k++ {
		all = append(all, k)
	}
	return all
}

func FuzzWhatIsReadIsWrittenSoThatItReadsTheSame(f *testing.F) {
	for _, text := range []string{"true", "-12.50", "1e-7", "INF", "NaN", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "2026-01-02", "23:59:59.999999999999", "2026-01-02T03:04:05.6789+14:00", "-P1DT2H3M4.5S", "AQ==", "\u2028", "9223372036854775807", "1e400", "PT9223372036.854775807S"} {
		for _, k := range kinds() {
			f.Add(uint8(k), text)
		}
	}
	f.Fuzz(func(t *testing.T, k uint8, text string) {
		kind := edm.Kind(k)
		value, ok := edm.ParseLiteral(kind, text)
		if !ok {
			return
		}
		written := of(kind).Format(value)
		again, ok := edm.ParseLiteral(kind, written)
		if diff := cmp.Diff(value, again, cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })); !ok || diff != "" {
			t.Errorf("%q of %s was written as %q, which reads as %v\n%s", text, kind, written, again, diff)
		}
		for _, ieee754 := range []bool{false, true} {
			b, err := of(kind).AppendJSON(nil, value, ieee754)
			if err != nil || !json.Valid(b) {
				t.Errorf("%q of %s is %s in JSON: %v", text, kind, b, err)
			}
		}
	})
}

func TestJSONStringsReadAsTheTextThatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		b, err := of(edm.String).AppendJSON(nil, text, false)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		want := strings.Map(func(r rune) rune { return r }, text) // replaces each byte that is not UTF-8
		if err != nil || got != want {
			t.Fatalf("%q became %q (%v)", text, got, err)
		}
		for _, c := range string(b) {
			if c < ' ' || c == '\u2028' || c == '\u2029' {
				t.Fatalf("%q holds %q", b, c)
			}
		}
	})
}

// row has a value of each kind that a feed has.
func row() ([]edm.Type, []any) {
	return []edm.Type{of(edm.Int64), of(edm.String), of(edm.Decimal), of(edm.Double), of(edm.Guid), of(edm.Date), of(edm.TimeOfDay), of(edm.DateTimeOffset), of(edm.Duration), of(edm.Boolean), {Kind: edm.Enum, Enum: color()}, of(edm.String)},
		[]any{int64(123456), "Alfreds \"Futterkiste\"", "1234.50", 0.15, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", instant("2026-01-02T00:00:00Z"), 90 * time.Minute, instant("2026-01-02T03:04:05.678Z"), time.Hour, true, int64(5), nil}
}

func TestAppendJSONAllocatesNothing(t *testing.T) {
	types, values := row()
	b := make([]byte, 0, 4096)
	allocations := testing.AllocsPerRun(100, func() {
		for i := range types {
			if _, err := types[i].AppendJSON(b, values[i], true); err != nil {
				t.Error(err)
			}
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	types, values := row()
	for i := range types {
		b.Run(strings.TrimPrefix(types[i].Kind.String(), "Edm."), func(b *testing.B) {
			out := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := types[i].AppendJSON(out, values[i], false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
