//! From meaning to screen: Markdown, packet trees, tables, maps become styled blocks; blocks become terminal text,
//! plain text or a cast.
