package odata_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// exchanges are whole requests and answers, header by header. All three sources give the same bytes.
func exchanges() []requirement {
	type exchange struct {
		method, url, body string
		headers           []string
	}
	get := func(url string, headers ...string) exchange { return exchange{"GET", url, "", headers} }
	files := map[string][]exchange{
		"service": {get("", "Accept", powerQuery, "OData-MaxVersion", "4.0"), get("?$format=application/json;odata.metadata=none")},
		"levels": {
			get("Tokens?$top=2&$count=true"), get("Tokens?$top=2&$count=true&$format=application/json;odata.metadata=none"),
			get("Tokens?$top=2&$count=true&$format=application/json;odata.metadata=full"), get("Tokens?$top=2&$count=true", "Accept", "application/json;IEEE754Compatible=true"),
			get("Tokens?$select=ID", "Prefer", "odata.maxpagesize=2"), get("Kinds?$top=4"), get("Kinds(1)?$format=application/json;odata.metadata=full"),
		},
		"expand": {
			get(tokenPath(3) + "?$select=Name&$expand=Owner($select=Name;$expand=Boss),Events($filter=Number gt 0;$orderby=Number desc;$count=true)"),
			get(tokenPath(0) + "?$select=Name&$expand=Owner,Events"), get(tokenPath(3) + "?$select=Name&$expand=Events/$ref"), get("Users?$select=ID&$expand=Boss($levels=2;$select=ID)"),
		},
		"apply": {
			get("Tokens?$apply=filter(Uses gt 0)/groupby((Status),aggregate($count as N,Uses with min as Least))&$orderby=N desc,Status"),
			get("Tokens?$apply=groupby((Owner/Name),aggregate(Rate with max as Most))"), get("Tokens?$apply=aggregate($count as N)"),
		},
		"errors": {
			get("Nothing"), get(tokenPath(99)), get("Tokens?$filter=Naem eq 'x'"), get("Tokens?$filter=(Name eq 'x'"), get("$all"), get("Tokens", "Accept", "text/html"),
			get("Tokens", "OData-MaxVersion", "3.0"), get("Tokens", "Isolation", "snapshot"),
			{"DELETE", tokenPath(1), "", nil},
			get("Tokens?$skiptoken=x"),
		},
		"parts": {
			get(tokenPath(3) + "/Name"), get(tokenPath(3) + "/Name/$value"), get(tokenPath(3) + "/ExpiresAt"), get("Tokens/$count"), get(tokenPath(3) + "/Owner/$ref"),
			get(tokenPath(3) + "/Events/$ref"),
			{"HEAD", "Users", "", nil},
			{"OPTIONS", "Users", "", nil},
		},
		"batch": {
			{"POST", "$batch", multipartBatch("GET Users('ann')", "GET Tokens/$count", "GET Nothing", "GET Users"), []string{"Content-Type", "multipart/mixed; boundary=b"}},
			{"POST", "$batch", multipartBatch("DELETE Users('ann')", "GET "+tokenPath(3)+"/ExpiresAt"), []string{"Content-Type", "multipart/mixed; boundary=b", "Prefer", "continue-on-error"}},
			{"POST", "$batch", `{"requests":[{"id":"1","method":"get","url":"Users('ann')"},{"id":"2","method":"get","url":"Users('ann')/Name/$value"},{"id":"3","method":"get","url":"Nothing"}]}`, []string{"Content-Type", "application/json"}},
		},
		"metadata": {get("$metadata"), get("$metadata?$format=json")},
	}
	var list []requirement
	for name, asked := range files {
		list = append(list, requirement{"wire-" + name, func(t *testing.T, f *feed) {
			var text strings.Builder
			for _, x := range asked {
				r := f.send(x.method, x.url, x.body, x.headers...)
				fmt.Fprintf(&text, ">>> %s %s\n", x.method, x.url)
				for i := 0; i < len(x.headers); i += 2 {
					fmt.Fprintf(&text, "%s: %s\n", x.headers[i], x.headers[i+1])
				}
				if x.body != "" {
					text.WriteString("\n" + x.body + "\n")
				}
				fmt.Fprintf(&text, "<<< %s\n\n%s\n\n", r.head, r.body)
			}
			golden(t, filepath.Join("testdata", "wire", name+".golden"), steady(text.String()))
		}})
	}
	return list
}

// steady takes out what differs each time.
func steady(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for pattern, in := range map[string]string{
		`(?m)^Date: .*\n`: "", `\$skiptoken=[^"\n]{20,}`: "$$skiptoken=…", `(?m)^Etag: .*`: `Etag: "…"`, `Content-Length: \d+`: "Content-Length: …",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, in)
	}
	for _, m := range regexp.MustCompile(`<<< HTTP[^\n]*\n(?:[^\n]+\n)*Content-Type: multipart/mixed; ?boundary=([^\n]+)`).FindAllStringSubmatch(text, -1) {
		text = strings.ReplaceAll(text, strings.Trim(m[1], `"`), "…")
	}
	return text
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-update writes it anew):\n%s", file, diff)
	}
}
