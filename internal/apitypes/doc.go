// Package apitypes holds the JSON of the HTTP interfaces, for servers and clients.
//
// Names are snake_case, times RFC 3339 in UTC with milliseconds, durations end in
// their unit (_ms). What is absent is left out.
//
// Requests are decoded strictly by [Decode]: the server refuses what it does not understand, and
// names the field, rather than revoke less than was meant. So unknown and repeated fields, data
// after the value, wrong types, text that is not valid Unicode (encoding/json would quietly turn
// it into another id) and names in another case are all errors. A field that is null counts as
// absent. Answers are decoded by encoding/json, which ignores fields that a newer server has
// added.
package apitypes
