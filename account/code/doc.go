// Package code makes one-time codes: short ones that people type, from a mail or a text
// message, and long ones for links.
//
// # Use
//
// [Store.Create] or [Store.CreateLink] for a purpose, such as "password-reset", and a
// principal; send the text; [Store.Verify] what comes back. Where using the code is more
// than one step, [Store.Claim] it, do the step, and [Store.Finish] it; package reset does.
//
// # What holds
//
//   - A code is good once, however many calls run at the same time: it is compared, counted and
//     taken in one script.
//   - Each principal has one code per purpose. A new one replaces the older.
//   - After [Options.Attempts] wrong guesses within [Options.Window] the code is gone. A new code
//     does not reset the count, and no code is made while the count is used up. Otherwise an
//     attacker who asks for codes could guess for ever. Guesses are counted from the first wrong
//     one, so that around the end of a Window there is room for up to 2×Attempts-1 in a short time,
//     and in the long run for Attempts in a Window; a right one ends the count.
//   - Codes are asked for at most every [Options.Interval], and [Options.Sends] times in a
//     Window.
//   - The error does not say what is wrong with a code: it is [ErrCode] whether there is none, or
//     another, or it has expired or was used. [Refusal.Why] has it for logs.
//
// With the defaults an attacker who guesses a principal's six digits has 5 tries in an hour, one
// chance in 200,000. They also use up the principal's own tries. Make the target harder to name, by
// verifying under a principal that only the browser which asked for the code knows (such as the id
// of its login flow), or use links, at which wrong guesses are not counted since there is nothing
// to guess.
//
// Nobody uses up another's codes: name the asker ([Store.CreateFor]), and only the asker's own
// requests count. A newer code replaces the older one no matter who asked for it: its mail goes to
// the principal too.
//
// A code must not outlive what it recovers: [Store.Discard] it when a password was changed,
// everything was logged out, an address was changed, an account was banned or deleted.
//
// # Enumeration
//
// The store does not know who exists. A page that asks for a code must answer the same, and as
// fast, for a name that nobody has: call Create under the name that was typed, send nothing where
// there is no such account, and give the same answer. A [ResendError] that only existing users see
// tells that they exist.
//
// # What is stored
//
// One hash per purpose and principal below {rv:realm}:a:c:, named by a keyed hash of both. It holds
// HMAC-SHA256 under [Options.Key] of realm, kind, purpose, principal and code, never the code: six
// digits are guessed from a plain hash immediately. It expires when neither the code nor a count in
// it is of use. A code has expired once Redis' clock or the caller's says so, each compared with
// itself, so a clock that is set back makes nothing good again. Counts use Redis' clock: each jump
// of it gives one more Window.
//
// The script compares MACs, not codes. The time that it takes tells how far two MACs agree, but
// nobody without the key can make a MAC that agrees with anything. So it is as good as a comparison
// in constant time, and can be one step with counting and taking.
//
// When Redis is emptied the codes in it are no longer good, and new ones must be asked for. When it
// is rolled back, a code that was used since is good again until it expires: so the step of a code
// must be safe to do twice. The counts are as old as the rest.
package code
