package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// attack is a request that is refused: in which position what stands. %s is the name of a set, %k a column of text, %n a
// navigation property.
type attack struct{ what, target string }

func sqlFragments() []string {
	return []string{
		`'; drop table orders; --`, `' or '1'='1`, `" or ""="`, `x'); delete from orders; --`, `1; update orders set freight = 0`, `\'; drop table orders; --`, `$1`, `?1`, `:name`, `/*`, `--`, `"orders"`, "`orders`",
		`[orders]`, `orders; attach database 'x' as y`, `pg_sleep(10)`, `sqlite_master`, `%00`, `%27%27%27`,
	}
}

// attacksOnNames put SQL where names stand.
func attacksOnNames() (list []attack) {
	for _, fragment := range sqlFragments() {
		x := url.PathEscape(fragment)
		for _, target := range []string{
			"%s?$select=" + x, "%s?$orderby=" + x + "%20desc", "%s?$expand=" + x, "%s?$filter=" + x + "%20eq%201", "%s?$filter=contains(" + x + ",'a')", "%s?$compute=1%20as%20" + x, "%s?$apply=groupby((" + x + "))",
			"%s?$apply=aggregate(" + x + "%20with%20sum%20as%20A)", "%s?$top=" + x, "%s?$skip=" + x, "%s?$count=" + x, "%s?$format=" + x, "%s?$skiptoken=" + x, "%s?$filter=" + x + "(%k)",
			x, "%s/" + x + "/x", "%s(" + x + "=1)", "%s?$" + x + "=1",
		} {
			if fragment == "sqlite_master" && strings.HasPrefix(target, "%s?$compute=") {
				continue // a name as good as any
			}
			list = append(list, attack{"SQL for a name", target})
		}
	}
	return list
}

// attacksOnForm are forms that grow, nest or say nothing.
func attacksOnForm() []attack {
	or := strings.Repeat("%k%20eq%20'a'%20or%20", 10_000) + "true"
	cycle := strings.Repeat("%n($expand=%b($expand=", 40) + "%n" + strings.Repeat("))", 40)
	return []attack{
		{"parentheses", "%s?$filter=" + strings.Repeat("(", 4)},
		{"parentheses", "%s?$filter=" + strings.Repeat("(", 60_000)},
		{"parentheses", "%s?$filter=" + strings.Repeat("(", 10_000) + "true" + strings.Repeat(")", 10_000)},
		{"nots", "%s?$filter=" + strings.Repeat("not%20", 10_000) + "true"},
		{"signs", "%s?$filter=" + strings.Repeat("-", 10_000) + "1%20eq%201"},
		{"10,000 or", "%s?$filter=" + or},
		{"calls", "%s?$filter=" + strings.Repeat("concat(", 5_000) + "%k" + strings.Repeat(",'')", 5_000) + "%20eq%20''"},
		{"names", "%s?$select=" + strings.TrimSuffix(strings.Repeat("%k,", 15_000), ",")},
		{"orders", "%s?$orderby=" + strings.TrimSuffix(strings.Repeat("%k,", 15_000), ",")},
		{"a cycle of $expand", "%s?$expand=" + cycle},
		{"levels", "%s?$expand=%n($levels=max)"},
		{"levels", "%s?$expand=%n($levels=1000000)"},
		{"levels", "%s?$expand=*($levels=max)"},
		{"a regular expression", "%s?$filter=matchesPattern(%k,'(a%2B)%2B%24')"},
		{"a regular expression", "%s?$filter=matchesPattern(%k,'" + strings.Repeat("(a*)*", 500) + "b')"},
		{"search", "%s?$search=" + strings.Repeat("(", 10_000)},
		{"search", "%s?$search=" + strings.Repeat("NOT%20", 9_000)},
		{"apply", "%s?$apply=" + strings.Repeat("filter(true)/", 4_000) + "filter(true)"},
		{"a huge list", "%s?$filter=%k%20in%20(" + strings.Repeat("'a',", 12_000) + "'b')"},
		{"a huge number", "%s?$filter=" + strings.Repeat("9", 50_000) + "%20eq%201"},
		{"a huge number", "%s?$filter=1e999999999%20eq%201"},
		{"$top", "%s?$top=-1"},
		{"$top", "%s?$top=99999999999999999999999999"},
		{"$top", "%s?$top=1e9"},
		{"$skip", "%s?$skip=99999999999999999999999"},
		{"$top twice", "%s?$top=1&$top=2"},
		{"$top twice", "%s?$top=1&%24top=2"},
		{"NUL in a name", "%s%00"},
		{"NUL in a name", "%s?$select=%00"},
		{"invalid UTF-8", "%s?$filter=%k%20eq%20'%ff%fe'"},
		{"invalid UTF-8", "%s%c0%ae"},
		{"invalid UTF-8", "%s?$search=%ed%a0%80"},
		{"half an escape", "%s?$filter=%k%20eq%20'%4'"},
		{"half an escape", "%s?$filter=%"},
		{"an escape twice", "%s?%2524filter=1&$filter=%2527"},
		{"dots", "../../../etc/passwd"},
		{"dots", "%s/..%2f..%2fx"},
		{"dots", "%2e%2e/%2e%2e/x"},
		{"slashes", "%s%2F%24count"},
		{"a backslash", "%s\\x"},
		{"a very long address", "%s?$filter=%k%20eq%20'" + strings.Repeat("a", 200_000) + "'"},
		{"a very long path", "%s('" + strings.Repeat("a", 200_000) + "')"},
		{"a very long address", "%s?x=" + strings.Repeat("a", 3<<20)},
		{"a skip token of nothing", "%s?$skiptoken="},
		{"a skip token of nothing", "%s?$skiptoken=" + strings.Repeat("A", 5_000)},
		{"a delta token", "%s?$deltatoken=1"},
		{"an alias of itself", "%s?$filter=@a&@a=@a"},
		{"aliases in a ring", "%s?$filter=@a&@a=@b&@b=@a"},
	}
}

// aim fills an attack in for a feed.
func aim(root, target string) string {
	set, text, there, back := "Orders", "CustomerCode", "Customer", "Orders"
	if strings.HasSuffix(root, "/keywright") {
		set, text, there, back = "Tokens", "Name", "Owner", "Tokens"
	}
	for _, r := range [][2]string{{"%s", set}, {"%k", text}, {"%n", there}, {"%b", back}} {
		target = strings.ReplaceAll(target, r[0], r[1])
	}
	return root + "/" + target
}

func TestHostileRequestsAreRefusedInBoundedTimeAndMemoryAndChangeNothing(t *testing.T) {
	t.Parallel()
	s := theHostileSite(t)
	before := s.sums(t)
	heap := heapInUse()
	for _, root := range s.feeds {
		for _, a := range slices.Concat(attacksOnNames(), attacksOnForm()) {
			s.attack(t, root, a)
		}
	}
	if grown := heapInUse() - heap; grown > 64<<20 {
		t.Errorf("%d MiB of memory are left", grown>>20)
	}
	s.unchanged(t, before)
}

// tooLong is more than what a server reads of an address; in a batch there is more room.
const tooLong = 8_000

// attack sends one as an address, or in a batch.
func (s *hostileSite) attack(t *testing.T, root string, a attack) {
	t.Helper()
	target := aim(root, a.target)
	if len(target) < tooLong || strings.HasPrefix(a.what, "a very long") {
		status, answer := s.ask(t, s.token, "GET "+target, "")
		refused(t, a.what+": "+target, status, answer)
		return
	}
	part := "--b\r\nContent-Type: application/http\r\n\r\nGET " + target + " HTTP/1.1\r\n\r\n\r\n--b--\r\n"
	status, answer := s.ask(t, s.token, "POST "+root+"/$batch", part, "Content-Type: multipart/mixed;boundary=b")
	if status != 200 {
		refused(t, a.what+": "+target, status, answer)
		return
	}
	_, inner, _ := strings.Cut(string(body(answer)), "\r\nHTTP/1.1 ")
	_, told, _ := strings.Cut(inner, "\r\n\r\n")
	told, _, _ = strings.Cut(told, "\r\n--")
	if _, err := fmt.Sscanf(inner, "%d", &status); err != nil {
		t.Errorf("%.200s: %.300s", target, answer)
		return
	}
	refused(t, a.what+": "+target, status, []byte(told))
}

// heapInUse is what this process, the server in it, holds when nothing is to be collected.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// unchanged fails unless the databases hold what they held, and the feeds answer.
func (s *hostileSite) unchanged(t *testing.T, before []string) {
	t.Helper()
	if after := s.sums(t); !slices.Equal(before, after) {
		t.Error("a database has changed")
	}
	for _, root := range s.feeds {
		if status, answer := s.ask(t, s.token, "GET "+aim(root, "%s?$top=1"), ""); status != 200 {
			t.Errorf("%s: %d %.300s", root, status, answer)
		}
	}
}

func TestSQLInLiteralsIsTextAndNothingElse(t *testing.T) {
	t.Parallel()
	s := theHostileSite(t)
	before := s.sums(t)
	for _, root := range s.feeds {
		for _, fragment := range append(sqlFragments(), strings.Repeat("%", 1000), strings.Repeat("_", 1000), `\`, `%\`, "\u202e\U0001f4a5") {
			x := url.QueryEscape(strings.ReplaceAll(fragment, "'", "''"))
			x = strings.ReplaceAll(x, "+", "%20")
			for _, target := range []string{
				"%s?$filter=%k%20eq%20'" + x + "'", "%s?$filter=contains(%k,'" + x + "')", "%s?$filter=startswith(%k,'" + x + "')%20and%20endswith(%k,'" + x + "')", "%s?$filter=%k%20in%20('" + x + "')",
				"%s?$filter=%n/any(x:x%20ne%20null)", "%s?$filter=%k%20eq%20@p&@p='" + x + "'", "%s?$search=%22" + strings.ReplaceAll(x, "%22", "") + "%22",
			} {
				if strings.Contains(target, "/any(") || strings.Contains(target, "$search") && strings.ContainsAny(fragment, `\"`) {
					continue
				}
				target = aim(root, target)
				status, answer := s.ask(t, s.token, "GET "+target, "")
				var page struct{ Value *[]any }
				if err := json.Unmarshal(body(answer), &page); status != 200 || err != nil || page.Value == nil {
					t.Errorf("%s: %d %v %.300s", target, status, err, answer)
				} else if len(*page.Value) > 0 && !strings.Contains(target, "'%25") && !strings.Contains(target, "'_") {
					t.Errorf("%s finds %d rows", target, len(*page.Value))
				}
			}
		}
		status, answer := s.ask(t, s.token, "GET "+aim(root, "%s?$filter=%k%20eq%20'a%00b'"), "")
		if status >= 500 && status != 501 {
			t.Errorf("a NUL in a literal: %d %.300s", status, answer)
		}
	}
	s.unchanged(t, before)
}

// body takes the chunks' lengths out of an answer that came in chunks.
func body(answer []byte) []byte {
	text := string(answer)
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "--") {
		return answer
	}
	var whole strings.Builder
	for {
		length, rest, ok := strings.Cut(text, "\r\n")
		var n int
		if _, err := fmt.Sscanf(length, "%x", &n); !ok || err != nil || n == 0 || n > len(rest) {
			return []byte(whole.String())
		}
		whole.WriteString(rest[:n])
		text = strings.TrimPrefix(rest[n:], "\r\n")
	}
}

func TestASkipTokenIsGoodForItsOwnerAndItsQueryAlone(t *testing.T) {
	t.Parallel()
	s := theHostileSite(t)
	for _, root := range s.feeds {
		status, answer := s.ask(t, s.token, "GET "+aim(root, "%s?$filter=%k%20ne%20''"), "", "Prefer: odata.maxpagesize=2")
		var page struct {
			Next string `json:"@odata.nextLink"`
		}
		if err := json.Unmarshal(body(answer), &page); err != nil || status != 200 || page.Next == "" {
			t.Fatalf("%s: %d %v %.300s", root, status, err, answer)
		}
		if status, answer := s.ask(t, s.token, "GET "+page.Next, ""); status != 200 {
			t.Errorf("its owner gets %d %.300s", status, answer)
		}
		status, answer = s.ask(t, s.other, "GET "+page.Next, "")
		refused(t, "another user's skip token: "+page.Next, status, answer)
		for _, other := range []string{
			strings.Replace(page.Next, "ne%20", "gt%20", 1), page.Next + "&$orderby=" + aim("", "%k")[1:], page.Next[:len(page.Next)-3], strings.Replace(page.Next, "skiptoken=", "skiptoken=A", 1),
		} {
			if other == page.Next {
				t.Fatalf("%s can't be altered", page.Next)
			}
			status, answer := s.ask(t, s.token, "GET "+other, "")
			refused(t, "a skip token of another query: "+other, status, answer)
		}
	}
}

func TestHostileBatchesAreRefusedOrAnswerEachPartByItself(t *testing.T) {
	t.Parallel()
	s := theHostileSite(t)
	before := s.sums(t)
	part := func(line, body string) string {
		return "--b\r\nContent-Type: application/http\r\n\r\n" + line + " HTTP/1.1\r\n\r\n" + body + "\r\n"
	}
	nested := "GET Orders"
	for range 200 {
		nested = "--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n" + nested
	}
	const multipart, jsons = "Content-Type: multipart/mixed;boundary=b", "Content-Type: application/json"
	for _, root := range s.feeds {
		for _, c := range []struct{ what, kind, body string }{
			{"no boundary", "Content-Type: multipart/mixed", "x"},
			{"another boundary", multipart, "--c\r\n\r\n--c--"},
			{"nothing", multipart, "--b--"},
			{"nested", multipart, nested},
			{"half", multipart, "--b\r\nContent-Type: application/http\r\n\r\nGET"},
			{"a long boundary", "Content-Type: multipart/mixed;boundary=" + strings.Repeat("b", 5000), "x"},
			{"text", "Content-Type: text/plain", "x"},
			{"no JSON", jsons, "{"},
			{"deep JSON", jsons, strings.Repeat(`{"requests":[`, 20_000)},
			{"ids twice", jsons, `{"requests":[{"id":"1","method":"get","url":"Orders"},{"id":"1","method":"get","url":"Orders"}]}`},
			{"a ring", jsons, `{"requests":[{"id":"1","method":"get","url":"Orders","dependsOn":["1"]}]}`},
			{"very many parts", multipart, strings.Repeat(part("GET nothing", ""), 5_000) + "--b--"},
			{"very much", multipart, part("GET x?"+strings.Repeat("a", 20<<20), "")},
		} {
			status, answer := s.ask(t, s.token, "POST "+root+"/$batch", c.body, c.kind)
			refused(t, "a batch of "+c.what, status, answer)
		}
		for _, line := range []string{"DELETE Orders(10001)", "POST Orders", "PATCH Orders(10001)", "GET $batch", "POST $batch", "GET http://127.0.0.1:1/x", "GET //evil.example/x", "GET ../keywright2/Tokens", "GET /etc/passwd", "GET Orders?$filter=((((", "TRACE Orders", "GET Orders(1)%00"} {
			status, answer := s.ask(t, s.token, "POST "+root+"/$batch", part(line, `{"Freight": 0}`)+"--b--\r\n", multipart)
			if status >= 400 {
				refused(t, line, status, answer)
				continue
			}
			if _, inner, _ := strings.Cut(string(answer), "\r\nHTTP/1.1 "); !strings.HasPrefix(inner, "4") && !strings.HasPrefix(inner, "501") {
				t.Errorf("%s in a batch: %d %.600s", line, status, answer)
			}
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
			if status, answer := s.ask(t, s.token, method+" "+aim(root, "%s"), "{}", jsons); status != http.StatusMethodNotAllowed && status != http.StatusNotImplemented {
				t.Errorf("%s: %d %.200s", method, status, answer)
			}
		}
	}
	s.unchanged(t, before)
}

// What is right may be much work: it ends in time, with rows or with a refusal.
func TestRequestsThatAreMuchWorkEndInTime(t *testing.T) {
	t.Parallel()
	s := theHostileSite(t)
	for _, root := range s.feeds {
		for _, target := range []string{
			"%s?$top=2147483647", "%s?$top=9223372036854775807", "%s?$skip=2147483647", "%s?$expand=%n($expand=%b($expand=%n($expand=%b)))&$top=5", "%s?$filter=" + strings.Repeat("%k%20eq%20'a'%20or%20", 90) + "true",
			"%s?$filter=" + strings.Repeat("(", 15) + "true" + strings.Repeat(")", 15), "%s?$filter=contains(%k,'" + strings.Repeat("%25a", 500) + "')", "%s?$orderby=" + strings.Repeat("length(%k)%20desc,", 9) + "%k",
		} {
			began := time.Now()
			status, answer := s.ask(t, s.token, "GET "+aim(root, target), "")
			if status != 200 {
				refused(t, target, status, answer)
			}
			if took := time.Since(began); took > bounded {
				t.Errorf("%s: %v", target, took)
			}
		}
	}
}
