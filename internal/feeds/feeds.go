// Package feeds is the surface at /odata/: it reads the credential of a request, has it checked for the feed's scope, and
// gives the request to the feed's OData service with the rows that its caller may see.
//
// Tools that read feeds understand one challenge only, Basic, and take every other answer than an OData error for a broken
// feed. A token in the query string is refused: it would be kept in files and logs.
package feeds
