import * as z from 'zod';

/** Zod would try to turn schemas into code. Nothing here turns text into code (the executable forbids it), so it need not try. Imported first. */
z.config({ jitless: true });
