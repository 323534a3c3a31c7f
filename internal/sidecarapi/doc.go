// Package sidecarapi is the HTTP interface of a subscriber that runs beside a
// worker in any language, and behind the forward-auth hooks of gateways.
//
// /check answers a gateway: exactly 200 with the claims in headers, 401, or 503 when it could not
// be established whether the token is good. It answers every method and every path below /check
// in the same way, since gateways keep the method and some append the path of the request that
// they ask about. Its answers must not be cached. It does not say why a token is refused, because
// a gateway passes the answer on to the client that sent the token. nginx turns 503 into 500;
// ?unknown=403 makes it 403.
//
// A request may choose what happens to it while the worker's lease is gone, so that a payment is
// treated more strictly than a picture: /check?policy=closed or policy=ask always,
// policy=grace=10s only if [Options.Policy] allows as much; otherwise the answer is 400. This
// holds for /check alone: below it, the query is the client's own.
//
// The token is looked for in one place: Authorization, or the cookie or the header that is
// configured. Two tokens there are refused, and so is a cookie together with a bearer in
// Authorization: the service behind might read the other one. That service must read the same
// place. An access_token in the query or in a form (RFC 6750 §2.2, §2.3) is ignored.
//
// POST /v1/verdict answers the worker itself, in full. None of the paths
// authenticates its caller: listen on loopback, or where only workers can reach it.
package sidecarapi
