import { z } from "zod";

// It makes parsers with `new Function` where it can; a page's policy forbids that, and already the attempt is a breach.
z.config({ jitless: true });
