//! What a program may call, and which functions of VRL's standard library are replaced: those that read the machine's clock or
//! zone, guess a year, or carry a leap second into the next day. What they are called with and what they return stays
//! the library's.

use vrl::prelude::{
    ArgumentList, Category, Compiled, Context, Example, Expression, Function, FunctionCompileContext,
    FunctionExpression, Parameter, Resolved, TypeDef, TypeState, closure, fmt,
};

use super::{format_time, klog, local, parse_time, syslog};

/// Functions of their arguments alone, and of the record's time and the source's zone. Left out are those that reach
/// the network, the environment, files, logs, the clock or chance; those that unpack (a small record
/// would become a large one); grok with its backtracking engine; and the recursive forms of
/// `map_keys` and `map_values`, which can exhaust the stack.
#[rustfmt::skip]
pub(super) const FUNCTIONS: &[&str] = &[
    "abs", "append", "array", "assert", "bool", "ceil", "compact", "contains", "contains_all", "decode_base16",
    "decode_base64", "decode_percent", "del", "downcase", "encode_json", "ends_with", "exists", "filter", "find",
    "flatten", "float", "floor", "for_each", "format_int", "format_number", "format_timestamp", "from_unix_timestamp",
    "get", "includes", "int", "ip_aton", "ip_cidr_contains", "ip_ntoa", "ip_subnet", "is_array", "is_boolean",
    "is_empty", "is_float", "is_integer", "is_ipv4", "is_ipv6", "is_json", "is_null", "is_nullish", "is_object",
    "is_string", "is_timestamp", "join", "keys", "length", "match", "match_any", "match_array", "merge", "mod",
    "object", "parse_apache_log", "parse_aws_alb_log", "parse_aws_vpc_flow_log", "parse_cef", "parse_common_log",
    "parse_csv", "parse_duration", "parse_float", "parse_glog", "parse_int", "parse_json", "parse_key_value",
    "parse_klog", "parse_linux_authorization", "parse_logfmt", "parse_nginx_log", "parse_query_string", "parse_regex",
    "parse_regex_all", "parse_syslog", "parse_timestamp", "parse_tokens", "parse_url", "parse_xml", "pop", "push",
    "remove", "replace", "round", "set", "slice", "split", "starts_with", "string", "strip_whitespace", "strlen",
    "timestamp", "to_bool", "to_float", "to_int", "to_string", "to_syslog_facility", "to_syslog_level",
    "to_syslog_severity", "to_unix_timestamp", "truncate", "unflatten", "unique", "upcase", "values",
];

/// The functions of a program.
pub(super) fn functions() -> Vec<Box<dyn Function>> {
    let allowed = vrl::stdlib::all().into_iter().filter(|function| FUNCTIONS.contains(&function.identifier()));
    allowed
        .map(|stdlib| -> Box<dyn Function> {
            match replacement(stdlib.identifier()) {
                Some(call) => Box::new(Replaced { stdlib, call }),
                None => stdlib,
            }
        })
        .collect()
}

/// What is called in place of the library's expression, which is at hand for its type or its result.
type Call = fn(&ArgumentList, Box<dyn Expression>) -> Box<dyn Expression>;

fn replacement(name: &str) -> Option<Call> {
    Some(match name {
        "parse_timestamp" => parse_time::call,
        "format_timestamp" => format_time::call,
        "parse_syslog" | "parse_linux_authorization" => syslog::call,
        "parse_klog" => klog::call,
        "parse_glog" => local::shifted,
        "parse_apache_log" | "parse_common_log" | "parse_nginx_log" => local::settled,
        _ => return None,
    })
}

/// A function of the library that does something else when it is called.
struct Replaced {
    stdlib: Box<dyn Function>,
    call: Call,
}

impl fmt::Debug for Replaced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Replaced").field("stdlib", &self.stdlib).finish_non_exhaustive()
    }
}

impl Function for Replaced {
    fn identifier(&self) -> &'static str {
        self.stdlib.identifier()
    }

    fn usage(&self) -> &'static str {
        self.stdlib.usage()
    }

    fn category(&self) -> &'static str {
        Category::Parse.as_ref()
    }

    fn return_kind(&self) -> u16 {
        self.stdlib.return_kind()
    }

    fn examples(&self) -> &'static [Example] {
        &[]
    }

    fn compile(&self, state: &TypeState, ctx: &mut FunctionCompileContext, arguments: ArgumentList) -> Compiled {
        let stdlib = self.stdlib.compile(state, ctx, arguments.clone())?;
        Ok((self.call)(&arguments, stdlib))
    }

    fn parameters(&self) -> &'static [Parameter] {
        self.stdlib.parameters()
    }

    fn closure(&self) -> Option<closure::Definition> {
        self.stdlib.closure()
    }
}

/// What a replaced function does.
pub(super) trait Run: Clone + fmt::Debug + Send + Sync + 'static {
    /// Its result.
    fn run(&self, ctx: &mut Context<'_>) -> Resolved;
}

/// A call of a replaced function: of the library's type.
#[derive(Clone, Debug)]
pub(super) struct Replacement<R> {
    /// What the library would do.
    pub(super) stdlib: Box<dyn Expression>,
    /// What is done.
    pub(super) run: R,
}

impl<R: Run> FunctionExpression for Replacement<R> {
    fn resolve(&self, ctx: &mut Context<'_>) -> Resolved {
        self.run.run(ctx)
    }

    fn type_def(&self, state: &TypeState) -> TypeDef {
        self.stdlib.type_def(state)
    }
}
