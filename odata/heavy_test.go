package odata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
)

func TestExpandedRowsAreHeldInMemoryByTheirSizeAndAllOfThemAreGiven(t *testing.T) {
	folders := &edm.EntitySet{Name: "Folders", TypeName: "Folder", Properties: []*edm.Property{heavyProperty("ID", edm.Int64), heavyProperty("Note", edm.String)}}
	papers := &edm.EntitySet{Name: "Papers", TypeName: "Paper", Properties: []*edm.Property{heavyProperty("ID", edm.Int64), heavyProperty("In", edm.Int64), heavyProperty("Text", edm.String)}}
	folders.Key, papers.Key = folders.Properties[:1], papers.Properties[:1]
	folders.Navigation = []*edm.Navigation{{Name: "Papers", Target: papers, Many: true, On: []edm.Link{{From: folders.Key[0], To: papers.Properties[1]}}}}
	papers.Navigation = []*edm.Navigation{{Name: "Folder", Target: folders, On: []edm.Link{{From: papers.Properties[1], To: folders.Key[0]}}}}
	large, small, rows, want := strings.Repeat("x", 1<<20), "y", memory.Source{}, map[string]bool{}
	id := int64(0)
	// In each folder so many large and small papers; notes are large too.
	for i, n := range [][2]int{{0, 3}, {1, 0}, {7, 2}, {0, 0}, {4, 0}, {3, 9}, {0, 1}, {4, 1}, {5, 0}, {0, 0}} {
		rows[folders] = append(rows[folders], []any{int64(i), large})
		for p := range n[0] + n[1] {
			text := large
			if p >= n[0] {
				text = small
			}
			rows[papers] = append(rows[papers], []any{id, int64(i), text})
			want[fmt.Sprint(i, " ", id)] = true
			id++
		}
	}
	c := newClient(t, &edm.Model{Namespace: "N", Container: "C", Sets: []*edm.EntitySet{folders, papers}}, rows, odata.Options{})
	for _, options := range []string{"$select=*", "$top=6", "$count=true", "$expand=Folder($select=Note)", "$top=3;$expand=Folder", "$skip=1;$top=4"} {
		got, all, most := map[string]int{}, 0, 0
		found, _ := c.all("Folders?$expand=Papers(" + options + ")")
		if len(found) != len(rows[folders]) {
			t.Errorf("%s: %d folders", options, len(found))
		}
		for _, f := range found {
			inside := as[[]any](f["Papers"])
			large := 0
			for _, p := range inside {
				large += len(as[string](as[map[string]any](p)["Text"]))
			}
			most = max(most, large)
			if link, ok := f["Papers@odata.nextLink"].(string); ok {
				more, _ := c.all(link)
				for _, p := range more {
					inside = append(inside, p)
				}
			}
			for _, p := range inside {
				got[fmt.Sprint(f["ID"], " ", as[map[string]any](p)["ID"])]++
				all++
			}
		}
		if most > 5<<20 {
			t.Errorf("%s: %d bytes in one collection", options, most)
		}
		expected := 0
		for i := range rows[folders] {
			n := 0
			for _, p := range rows[papers] {
				if p[1] == int64(i) {
					n++
				}
			}
			switch {
			case strings.HasPrefix(options, "$top=6"):
				n = min(n, 6)
			case strings.HasPrefix(options, "$top=3"):
				n = min(n, 3)
			case strings.HasPrefix(options, "$skip"):
				n = min(max(n-1, 0), 4)
			}
			expected += n
		}
		if all != expected || len(got) != all {
			t.Errorf("%s: %d papers of %d, %d of them different", options, all, expected, len(got))
		}
		for k := range got {
			if !want[k] {
				t.Errorf("%s: a paper in a wrong folder: %s", options, k)
			}
		}
	}
}

func heavyProperty(name string, k edm.Kind) *edm.Property {
	return &edm.Property{Name: name, Type: edm.Type{Kind: k}}
}
