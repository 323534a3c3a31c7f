// Package reset is the password reset: a one-time code, the new password, and the end of
// everything that the principal had open, confirmed.
//
// # Use
//
// Make a code with [code.Store.Create] or CreateLink for [Purpose] and send it. What comes
// back with the new password goes to [Reset.Confirm]. Answers: nil, done, and no worker
// accepts an older session; [code.ErrCode], 400; [ErrRejected], 422, the user may try
// another password with the same code; [ErrOwed], the password is changed, the rest is "not
// confirmed yet" and the same request completes it; [revocast.ErrOutcomeUnknown] and
// [revocast.ErrUnavailable], 503, the same request may be made again.
//
// # The order, and what a crash leaves
//
// Ending sessions without having changed the password costs a login. The reverse leaves the
// thief in. So the end is written down before the password is touched, and nothing but
// itself can take it back:
//
//  1. The code is claimed, for this password. Crash: the same request may be made again once
//     the claim has run out, or the user asks for another code.
//  2. The end of everything is written into the outbox, to be told twice
//     [Options.SetTimeout] from now, with that instant as its cut-off. Crash: everything ends
//     then, whether the password was changed or not.
//  3. The password is set, within SetTimeout: before that instant. A process that stood
//     still for so long that this is not certain, by either of its clocks, does not begin to.
//     Crash: as above; what logged in with the old password in the meantime ends too, for the
//     cut-off is later than the change. That much depends on [SetPassword] ending with its
//     context; where it returns later all the same, and without success, a later cut-off is
//     written down.
//  4. In one script what was written down is replaced by a cut-off taken now, after the
//     change, under an id that is the code's. From here on the password is not set again,
//     and there is one decision to end everything, however often it has to be told. Crash: the
//     outbox tells it within seconds.
//  5. The fleet is told, and confirms; at the same time every other code that is outstanding for
//     the principal is discarded, and [Options.End] clears the other stores. Failure of either:
//     [ErrOwed], and the same request goes on here when it is sent again.
//  6. The code is used up.
//
// Codes are discarded and Options.End is called wherever step 3 may have changed something, also when the rest fails
// or the caller has left. Only the end of the process keeps it from being called. Then other
// stores still hold what the fleet refuses all the same, from the cut-off on: hold what they
// answer against the Guard, as refresh.Options.Check does. The same request repeated, or the
// principal's next change, clears them.
//
// A claimed code can be used with the password that it was claimed for and with no other,
// unless [SetPassword] said that nothing was changed: whatever is retried, one code sets one
// password. It may set it more than once, so SetPassword must not mind. But it does not set it
// again once another change of the principal's password was begun that was not rejected: the
// code is refused then, and used up, or a request sent again would bring an older password back.
//
// A login that had looked up the old password's hash when it was replaced, and makes its
// session after the cut-off, is covered only if that session's auth_time is from before the
// look-up. Take it first: limit.Decision.At is such an instant.
//
// # Two clocks
//
// Where Redis' clock and the caller's are more than ten seconds apart no cut-off could be right:
// nothing is touched, and the call fails with [revocast.ErrUnavailable]. Where they come apart
// while the password is set, the cut-off of step 2 stands, and the call fails with [ErrOwed].
//
// # What is stored
//
// Below {rv:realm}:a:p:, for 25 hours, longer than any code is good: one hash per reset, named
// by the code's id, and per principal, under last: and a hash of it, the id of the latest; and
// entries of the outbox. None holds the password or the code. Times
// are Redis' own. When Redis is emptied in between, the code is gone with the claim; a
// password that was set while Redis lost what was owed is the one case in which sessions go
// on, and the caller was not told that it is done. When that can be, ask for another reset.
// When it is rolled back, so is the id of the latest change: a request that is repeated then
// may set its password again.
package reset
