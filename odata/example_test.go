package odata_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/keywright/keywright/odata"
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/memory"
)

// A model says what there is, a source gives the rows, and a handler serves them to any client of OData.
func Example() {
	id := &edm.Property{Name: "ID", Type: edm.Type{Kind: edm.Int32}}
	name := &edm.Property{Name: "Name", Type: edm.Type{Kind: edm.String}}
	price := &edm.Property{Name: "Price", Type: edm.Type{Kind: edm.Decimal, Precision: 10, Scale: 2}, Nullable: true}
	products := &edm.EntitySet{
		Name: "Products", TypeName: "Product",
		Key:        []*edm.Property{id},
		Properties: []*edm.Property{id, name, price},
	}
	model := &edm.Model{Namespace: "Shop", Container: "Data", Sets: []*edm.EntitySet{products}}
	rows := memory.Source{products: {
		{int64(1), "Chai", "18.00"},
		{int64(2), "Chang", "19.00"},
		{int64(3), "Syrup", nil},
	}}

	service, err := odata.New(model, odata.Options{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(nil)
	defer server.Close()
	server.Config.Handler = service.Handler(rows, server.URL+"/shop/")

	fmt.Println(get(server.URL + "/shop/Products?$filter=Price%20gt%2018&$select=Name"))
	fmt.Println(get(server.URL + "/shop/Products/$count"))
	fmt.Println(get(server.URL + "/shop/Products?$format=application/json;odata.metadata=none&$orderby=Price&$top=1"))
	fmt.Println(get(server.URL + "/shop/Products?$filter=Prize%20gt%2018&$select=Name"))
	// Output:
	// 200 {"@odata.context":"http://…/shop/$metadata#Products(Name)","value":[{"Name":"Chang"}]}
	// 200 3
	// 200 {"value":[{"ID":3,"Name":"Syrup","Price":null}]}
	// 400 {"error":{"code":"invalid_query","message":"$filter, character 1: Products has no property \"Prize\". It has: ID, Name, Price.","target":"$filter"}}
}

// Who may see which rows is decided by the program around the service: it gives each request the source of its caller.
func ExampleService_Serve() {
	name := &edm.Property{Name: "Name", Type: edm.Type{Kind: edm.String}}
	notes := &edm.EntitySet{Name: "Notes", TypeName: "Note", Key: []*edm.Property{name}, Properties: []*edm.Property{name}}
	service, err := odata.New(&edm.Model{Namespace: "Diary", Container: "Data", Sets: []*edm.EntitySet{notes}}, odata.Options{})
	if err != nil {
		log.Fatal(err)
	}
	rows := map[string]memory.Source{
		"ann": {notes: {{"Ann's"}}},
		"bob": {notes: {{"Bob's"}}},
	}
	server := httptest.NewServer(nil)
	defer server.Close()
	server.Config.Handler = http.StripPrefix("/diary", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if rows[user] == nil || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="diary", charset="UTF-8"`)
			odata.Error(w, http.StatusUnauthorized, "unauthorized", "A name and a password are needed.")
			return
		}
		service.Serve(w, r, odata.Access{Source: rows[user], Caller: user, Root: server.URL + "/diary/"})
	}))

	fmt.Println(get(server.URL + "/diary/Notes"))
	fmt.Println(get("http://bob:secret@" + server.Listener.Addr().String() + "/diary/Notes"))
	// Output:
	// 401 {"error":{"code":"unauthorized","message":"A name and a password are needed."}}
	// 200 {"@odata.context":"http://…/diary/$metadata#Notes","value":[{"Name":"Bob's"}]}
}

func get(url string) string {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(w.StatusCode, " ", strings.ReplaceAll(string(text), r.URL.Host, "…"))
}
