package fault_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

var errSQL = errors.New(`near "select": no such table: tokens in /var/lib/keywright.db`)

func TestWrapLetsARefusalThrough(t *testing.T) {
	refusal := fault.New(fault.Conflict, api.CodeNameTaken, "Choose another name.")
	for what, err := range map[string]error{
		"bare":          fault.Wrap(refusal, "insert token"),
		"wrapped twice": fault.Wrap(fault.Wrap(refusal, "insert token"), "create"),
		"inside":        fault.Wrap(fmt.Errorf("tx: %w", refusal), "create"),
		"joined":        fault.Wrap(errors.Join(errSQL, refusal), "create"),
	} {
		if got := fault.From(err); got != refusal {
			t.Errorf("%s: %v", what, got)
		}
	}
	if err := fault.Wrap(nil, "anything"); err != nil {
		t.Errorf("wrapping nothing gives %v", err)
	}
}

func TestInternalsAreForTheLogOnly(t *testing.T) {
	for what, err := range map[string]error{
		"wrapped":        fault.Wrap(errSQL, "insert token"),
		"from":           fault.From(errSQL),
		"a cause":        fault.New(fault.Unavailable, api.CodeUnavailable, "Try again.").Because(errSQL),
		"cause and more": fault.Missing().Because(errSQL).On("id"),
		"around":         fault.From(fmt.Errorf("%w: %w", errSQL, fault.Missing())),
	} {
		f := fault.From(err)
		public := fmt.Sprint(f.Code, f.Detail, f.Fields, f.RetryAfter)
		if strings.Contains(public, "select") || strings.Contains(public, "insert token") || strings.Contains(public, "/var") {
			t.Errorf("%s: the public part says %q", what, public)
		}
		if what != "around" && (!errors.Is(err, errSQL) || !strings.Contains(f.Error(), "no such table")) {
			t.Errorf("%s: the log does not learn the cause: %v", what, err)
		}
	}
	f := fault.From(fault.Wrap(errSQL, "insert token"))
	if f.Kind != fault.Internal || f.Code != api.CodeInternal || f.Detail == "" || !strings.Contains(f.Error(), "insert token: ") {
		t.Errorf("an unknown error is %+v", f)
	}
	if !errors.Is(fault.Wrap(context.Canceled, "read"), context.Canceled) {
		t.Error("a cancelled request can't be told any more")
	}
}

func TestInvalidsAreNilWhenThereAreNone(t *testing.T) {
	if err := fault.Invalids(nil); err != nil {
		t.Errorf("nil fields: %v", err)
	}
	if err := fault.Invalids([]fault.Field{}); err != nil {
		t.Errorf("no fields: %v", err)
	}
	fields := []fault.Field{{Name: "name", Code: api.CodeNameRequired, Detail: "A."}, {Name: "scopes", Code: api.CodeScopeRequired, Detail: "B."}}
	f := fault.From(fault.Invalids(fields))
	if f.Kind != fault.Invalid || f.Code != api.CodeNameRequired || f.Detail != "A." || !reflect.DeepEqual(f.Fields, fields) {
		t.Errorf("two fields: %+v", f)
	}
}

func TestIsComparesKindAndCode(t *testing.T) {
	a := fault.New(fault.Conflict, api.CodeNameTaken, "One sentence.")
	for _, c := range []struct {
		what   string
		target error
		want   bool
	}{
		{"the same", a, true},
		{"other words", fault.New(fault.Conflict, api.CodeNameTaken, "Another."), true},
		{"another code", fault.New(fault.Conflict, api.CodeSlugTaken, "One sentence."), false},
		{"another kind", fault.New(fault.Invalid, api.CodeNameTaken, "One sentence."), false},
		{"no fault", errSQL, false},
	} {
		for _, err := range []error{a, fmt.Errorf("tx: %w", a), a.Because(errors.New("x")), a.On("name")} {
			if got := errors.Is(err, c.target); got != c.want {
				t.Errorf("%s: %v", c.what, got)
			}
		}
	}
}

func TestMissingAnswersAreAlike(t *testing.T) {
	if !reflect.DeepEqual(fault.Missing(), fault.Missing()) || fault.Missing().Kind != fault.NotFound {
		t.Error("absent, foreign and malformed ids can be told apart")
	}
}

func TestOnAndBecauseLeaveTheOriginalAlone(t *testing.T) {
	original := fault.New(fault.Invalid, api.CodeInvalid, "Wrong.")
	caused := original.Because(errSQL)
	base := original.On("a").On("b").On("c") // three, so that append has room left
	first, second := base.On("d"), base.On("e")
	if len(original.Fields) != 0 || errors.Is(original, errSQL) || !errors.Is(caused, errSQL) || len(base.Fields) != 3 {
		t.Errorf("the original changed: %+v, %+v", original, base)
	}
	if first.Fields[3].Name != "d" || second.Fields[3].Name != "e" {
		t.Errorf("copies share their fields: %+v, %+v", first, second)
	}
}

func TestCodeOf(t *testing.T) {
	for want, err := range map[api.Code]error{
		"": nil, api.CodeInternal: errSQL, api.CodeNotFound: fmt.Errorf("x: %w", fault.Missing()),
	} {
		if got := fault.CodeOf(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
