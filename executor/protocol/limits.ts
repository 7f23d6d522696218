/** The wire's limits, shared by both ends. Each says why it is that number. */

/** Largest file that put_file takes or run_script runs: samples beyond it are data, not scripts, and the guest's memory is small. */
export const FILE_MAX_BYTES = 4 * 1024 * 1024;

/** Longest line in either direction: a full put_file in base64, or both output streams of a script, with room for the envelope. */
export const LINE_MAX_BYTES = 6 * 1024 * 1024;

/** Bytes of each output stream that an answer carries; the rest is counted and hashed, and `truncated` says so. */
export const OUTPUT_MAX_BYTES = 1024 * 1024;

/** Bytes of a file that one answer of get_file, read_file or tail_log carries; get_file goes on at an offset. */
export const EXCERPT_MAX_BYTES = 1024 * 1024;

/** Arguments of a script: enough for any sample's options, far below the kernel's ARG_MAX. */
export const SCRIPT_ARGS_MAX = 64;
export const SCRIPT_ARG_MAX_CHARS = 4096;

/** Furthest byte of a file that get_file may be granted: what is worth keeping of a run, within one certificate's life. */
export const FETCH_MAX_BYTES = 64 * 1024 * 1024;

/** Longest path and path component, as the kernel has them (PATH_MAX, NAME_MAX). */
export const PATH_MAX_BYTES = 4095;
export const NAME_MAX_BYTES = 255;

/** Longest run of one script: the longest certificate's life, so that no action outlives its grant by schema alone. */
export const SCRIPT_MAX_SECONDS = 3600;

/** Entries of one listing; a sandbox with more is listed folder by folder. */
export const LIST_MAX_ENTRIES = 10_000;

/** Lines of one tail_log answer. */
export const TAIL_MAX_LINES = 10_000;

/** Printable strings that inspect_file shows, and the longest run it may be told to pass over: more is a file to fetch. */
export const STRINGS_MAX = 1000;
export const STRING_MIN_CHARS_MAX = 64;

/** Tables of a database that run_migration names one by one. */
export const TABLES_MAX = 256;

/** Requests that are read ahead while one runs; the relay sends one at a time, so with more the executor stops reading. */
export const PENDING_MAX = 8;

/** Canonical bytes of a grant: it travels inside the certificate, and sshd reads certificates of 256 KiB at most. */
export const GRANT_MAX_BYTES = 32 * 1024;
