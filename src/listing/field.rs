/// Declares an enumeration of the fields that a reader of a text tells apart.
///
/// The explainer goes through `ALL`, so that a field without an explanation is a failing test.
macro_rules! fields {
    ($(#[$enum_doc:meta])* $name:ident: $($(#[$doc:meta])* $variant:ident $id:literal,)+) => {
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// A name for messages and JSON, such as `state-src`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }
        }
    };
}

pub(crate) use fields;
