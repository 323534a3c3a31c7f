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
//  3. The password is set, within SetTimeout: before that instant. Crash: as above; what
//     logged in with the old password in the meantime ends too, for the cut-off is later
//     than the change.
//  4. In one script what was written down is replaced by a cut-off taken now, after the
//     change, under an id that is the code's. From here on the password is not set again,
//     and there is one decision to end everything, however often it has to be told. Crash: the
//     outbox tells it within seconds.
//  5. The fleet is told, and confirms. Then [Options.End]. Failure: [ErrOwed], and the same
//     request goes on here.
//  6. The code is used up.
//
// A claimed code can be used with the password that it was claimed for and with no other,
// unless [SetPassword] said that nothing was changed: whatever is retried, one code sets one
// password. It may set it more than once, so SetPassword must not mind.
//
// A login that had looked up the old password's hash when it was replaced, and makes its
// session after the cut-off, is covered only if that session's auth_time is from before the
// look-up. Take it first: limit.Decision.At is such an instant.
//
// # What is stored
//
// One hash per reset below {rv:realm}:a:p:, named by the code's id, for 25 hours, longer than
// any code is good; and entries of the outbox. Neither holds the password or the code. Times
// are Redis' own. When Redis is emptied in between, the code is gone with the claim; a
// password that was set while Redis lost what was owed is the one case in which sessions go
// on, and the caller was not told that it is done. When that can be, ask for another reset.
package reset
