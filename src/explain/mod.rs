//! Explainers: for each field of a parsed listing or packet, what it means here. One library for `:explain`, the
//! lessons' annotations and `esplain explain`, in every language.
