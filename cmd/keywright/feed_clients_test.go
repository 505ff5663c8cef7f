package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywright/keywright/internal/testkit"
)

// Programs that people read feeds with, each as it comes from its registry, read both feeds of the demo with a
// token: what they ask for is what they make of it, not what we would. The programs are in internal/testkit/npm.

// feedSite is what a client is told: where the feeds are, and a token that reads them.
type feedSite struct {
	Sales     string `json:"sales"`
	Keywright string `json:"keywright"`
	Token     string `json:"token"`
	demo      *walkDemo
}

// theFeeds are those of the demo's workspace "standard", with a token of its administrator.
func theFeeds(t *testing.T) feedSite {
	t.Helper()
	d := runningDemo(t)
	root := d.address + "/odata/standard/"
	return feedSite{Sales: root + "sales", Keywright: root + "keywright", Token: d.token(t, d.admin, "odata:read"), demo: d}
}

// token creates one in the workspace "standard" as a client that is signed in.
func (d *walkDemo) token(t *testing.T, c *http.Client, scopes ...string) (secret string) {
	t.Helper()
	var made struct {
		Secret string `json:"secret"`
	}
	ask := map[string]any{"name": "Reader " + rand.Text(), "scopes": scopes, "lifetime_days": 1}
	if err := d.call(c, "POST", "/api/v1/workspaces/standard/tokens", ask, &made); err != nil {
		t.Fatal(err)
	}
	return made.Secret
}

// get reads an address with the token.
func (s feedSite) get(t *testing.T, address string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("anyone", s.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", address, res.Status, err, body)
	}
	return body
}

// runs runs a program of node's in a directory, and returns what it says.
func runs(t *testing.T, dir string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(command[1]), err, said)
	}
	return string(said)
}

// reads runs a program that is given the site and says "ok" at its end.
func (s feedSite) reads(t *testing.T, dir, node, program string) {
	t.Helper()
	site, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if said := runs(t, dir, node, program, string(site)); !strings.HasSuffix(strings.TrimSpace(said), "ok") {
		t.Errorf("%s did not get to its end: %s", filepath.Base(program), said)
	}
}

func TestOJSReadsTheFeeds(t *testing.T) {
	t.Parallel()
	node, program := testkit.Node(t, "odata.mjs")
	theFeeds(t).reads(t, "", node, program)
}

func TestODataClientReadsTheFeeds(t *testing.T) {
	t.Parallel()
	node, program := testkit.Node(t, "odata-client.mjs", "@odata/client")
	theFeeds(t).reads(t, "", node, program)
}

func TestReadersOfMetadataFindTheSameInXMLAndJSON(t *testing.T) {
	t.Parallel()
	node, program := testkit.Node(t, "odata-csdl.mjs", "odata-csdl", "@sap-ux/edmx-parser", "ajv")
	theFeeds(t).reads(t, "", node, program)
}

// compiled is where a program in TypeScript is compiled, beside what is generated for it from $metadata.
type compiled struct {
	dir, node, modules string
}

func compiling(t *testing.T, program string, packages ...string) compiled {
	t.Helper()
	node, path := testkit.Node(t, program, append(packages, "typescript")...)
	c := compiled{dir: t.TempDir(), node: node, modules: filepath.Join(filepath.Dir(path), "node_modules")}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, "program.ts", string(source))
	c.write(t, "tsconfig.json", `{"compilerOptions": {"target": "es2021", "module": "commonjs", "moduleResolution": "node", "lib": ["es2022", "dom"],
		"types": ["node"], "strict": true, "skipLibCheck": true, "esModuleInterop": true, "outDir": "js"}, "include": ["program.ts"]}`)
	if err := os.Symlink(c.modules, filepath.Join(c.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c compiled) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a program of a package.
func (c compiled) run(t *testing.T, program string, arguments ...string) {
	t.Helper()
	runs(t, c.dir, append([]string{c.node, filepath.Join(c.modules, filepath.FromSlash(program))}, arguments...)...)
}

func TestTypesThatOdata2tsGeneratesFitTheFeed(t *testing.T) {
	t.Parallel()
	c := compiling(t, "odata2ts.ts", "@odata2ts/odata2ts", "@odata2ts/http-client-fetch")
	s := theFeeds(t)
	c.write(t, "sales.xml", string(s.get(t, s.Sales+"/$metadata")))
	c.run(t, "@odata2ts/odata2ts/lib/run-cli.js", "-s", "sales.xml", "-o", "feed")
	c.run(t, "typescript/bin/tsc", "-p", ".")
	if err := os.Symlink("../feed", filepath.Join(c.dir, "js", "feed")); err != nil { // it is generated as JavaScript with types
		t.Fatal(err)
	}
	s.reads(t, c.dir, c.node, "js/program.js")
}

func TestTheSAPCloudSDKGeneratesAClientThatReadsTheFeed(t *testing.T) {
	t.Parallel()
	c := compiling(t, "sap-cloud-sdk.ts", "@sap-cloud-sdk/generator", "@sap-cloud-sdk/odata-v4", "@sap-cloud-sdk/http-client")
	s := theFeeds(t)
	c.write(t, "in/sales.xml", string(s.get(t, s.Sales+"/$metadata")))
	c.write(t, "in/keywright.xml", string(s.get(t, s.Keywright+"/$metadata")))
	c.run(t, "@sap-cloud-sdk/generator/dist/cli.js", "-i", "in", "-o", ".")
	for _, feed := range []string{"sales", "keywright"} {
		service, err := os.ReadFile(filepath.Join(c.dir, feed, "service.ts"))
		if err != nil || !strings.Contains(string(service), "@sap-cloud-sdk/odata-v4") {
			t.Errorf("the generator does not take %s for OData 4 (%v): %.200s", feed, err, service)
		}
	}
	c.run(t, "typescript/bin/tsc", "-p", ".")
	s.reads(t, c.dir, c.node, "js/program.js")
}

// newmanReport is what newman writes of a run.
type newmanReport struct {
	Run struct {
		Stats map[string]struct{ Total, Pending, Failed int }
	}
}

func TestNewmanRunsTheDownloadedCollectionsOfPostman(t *testing.T) {
	t.Parallel()
	newman := testkit.NPM(t, "newman/bin/newman.js")
	node := testkit.Need(t, "node")
	s := theFeeds(t)
	for _, feed := range []string{"sales", "keywright"} {
		dir := t.TempDir()
		for _, file := range []string{"collection", "environment"} {
			address := fmt.Sprintf("%s/workspaces/standard/connect/%s/files/%s.postman_%s.json", s.demo.address, feed, feed, file)
			body := s.demo.download(t, address)
			if strings.Contains(body, "kw_") {
				t.Errorf("the %s of %s holds a token", file, feed)
			}
			if err := os.WriteFile(filepath.Join(dir, file+".json"), []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		runs(t, dir, node, newman, "run", "collection.json", "-e", "environment.json", "--env-var", "token="+s.Token, "--reporters", "json", "--reporter-json-export", "report.json")
		report, err := os.ReadFile(filepath.Join(dir, "report.json"))
		if err != nil {
			t.Fatal(err)
		}
		var r newmanReport
		if err := json.Unmarshal(report, &r); err != nil {
			t.Fatal(err)
		}
		if n := r.Run.Stats["requests"]; n.Total < 8 || n.Failed > 0 {
			t.Errorf("%s: requests %+v", feed, n)
		}
		if n := r.Run.Stats["assertions"]; n.Total < 3*8 || n.Failed > 0 {
			t.Errorf("%s: assertions %+v", feed, n)
		}
	}
}

// download gets a file as somebody who has signed in to the pages.
func (d *walkDemo) download(t *testing.T, address string) string {
	t.Helper()
	res, err := d.admin.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") {
		t.Fatalf("%s: %s %v", address, res.Status, err)
	}
	return string(body)
}

func TestMetadataIsValidByTheSchemasOfOASIS(t *testing.T) {
	t.Parallel()
	xmllint := testkit.Need(t, "xmllint")
	schema := oasis(t, "edmx.xsd")
	s := theFeeds(t)
	for _, root := range []string{s.Sales, s.Keywright} {
		file := filepath.Join(t.TempDir(), "metadata.xml")
		if err := os.WriteFile(file, s.get(t, root+"/$metadata"), 0o600); err != nil {
			t.Fatal(err)
		}
		runs(t, "", xmllint, "--nonet", "--noout", "--schema", schema, file)
	}
}

// oasis is a file of OASIS's that lies beside the repository; without it the test skips.
func oasis(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "shared", "odata", name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skipf("../shared/odata/%s is not there", name)
	return ""
}
