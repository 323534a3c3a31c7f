// Package sidecarapi is the HTTP interface of a subscriber that runs beside a
// worker in any language, and behind the forward-auth hooks of gateways.
//
// /check answers a gateway: exactly 200 with the claims in headers, 401, or 503 when
// it could not be established whether the token is good. It answers the same for
// every method and for everything below /check, since gateways keep the method and
// some append the path of the request that they ask about. Nothing it says may be
// cached, and it does not say why a token is refused: a gateway passes the answer on
// to whoever sent the token. nginx turns 503 into 500; ?unknown=403 makes it 403.
//
// A request may choose what happens to it while the worker's lease is gone, so that a
// payment is treated more strictly than a picture: /check?policy=closed or policy=ask
// always, policy=grace=10s as far as [Options.Policy] goes; else it is 400. Only /check
// itself is looked at: below it the query is that of the client who wants in.
//
// The token is looked for in one place: Authorization, or the cookie or the header that is
// configured. Two tokens there are refused, and so is a cookie beside a bearer in
// Authorization: the service behind might read the other one. It must read the same place;
// access_token in the query or in a form (RFC 6750 §2.2, §2.3) is not looked at.
//
// POST /v1/verdict answers the worker itself, in full. None of the paths
// authenticates its caller: listen on loopback, or where only workers can reach it.
package sidecarapi
