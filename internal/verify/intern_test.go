package verify

import (
	"fmt"
	"sync"
	"testing"
)

func TestANumberNeverComesToMeanAnotherValue(t *testing.T) {
	l := newList[string, string](100)
	given := map[uint32]string{}
	for n := range 1000 {
		v := fmt.Sprint(n / 3)
		number := l.number(v, v)
		if old, ok := given[number]; ok && old != v || number == 0 {
			t.Fatalf("number %d was given to %q and to %q", number, old, v)
		}
		given[number] = v
		missing := 0
		for number, v := range given {
			switch got := l.at(number); {
			case got == nil:
				missing++
			case *got != v:
				t.Fatalf("number %d was given to %q and reads %q", number, v, *got)
			}
		}
		if len(given)-missing > 100 {
			t.Fatalf("%d values are held", len(given)-missing)
		}
	}
	if l.at(0) != nil || l.at(1<<31) != nil {
		t.Error("a number that was never given out reads as a value")
	}
}

func TestAListWhoseNumbersAreUsedUpGivesNoMore(t *testing.T) {
	l := newList[string, string](10)
	l.values.Store(&span[string]{first: 1<<32 - 3})
	first, second, third := l.number("a", "a"), l.number("b", "b"), l.number("c", "c")
	if first != 1<<32-3 || second != 1<<32-2 || third != 0 {
		t.Errorf("numbers %d, %d, %d", first, second, third)
	}
	if l.at(0) != nil || *l.at(second) != "b" {
		t.Error("0 is not missing at the end of the numbers, or the last number reads wrong")
	}
}

func TestReadersOfAListNeedNoLock(t *testing.T) {
	l := newList[int, int](500)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 5000 {
				v := n*2 + w%2
				if got := l.at(l.number(v, v)); got != nil && *got != v {
					t.Errorf("%d reads %d", v, *got)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestGrantsAreToldApartByWorkspaceSlugAndScopes(t *testing.T) {
	g := newGrants()
	a := g.of(grant{workspace: rawID{1}, slug: "a", text: "x y"})
	for _, other := range []grant{
		{workspace: rawID{2}, slug: "a", text: "x y"},
		{workspace: rawID{1}, slug: "b", text: "x y"},
		{workspace: rawID{1}, slug: "a", text: "x"},
	} {
		if g.of(other) == a {
			t.Errorf("%+v has the number of another", other)
		}
	}
	if g.of(grant{workspace: rawID{1}, slug: "a", text: "x y"}) != a || g.at(a).slug != "a" {
		t.Error("the same grant has another number, or reads as another")
	}
}

func TestWorkspacesAreNeverForgotten(t *testing.T) {
	w := newWorkspaces()
	first := w.of(rawID{15: 1})
	for n := range 100_000 {
		w.of(numbered(n).token)
	}
	if got := w.at(first); got == nil || *got != (rawID{15: 1}) {
		t.Errorf("the first workspace reads %v", got)
	}
}
