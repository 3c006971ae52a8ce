//! The table of who made spans: a row for each resource and scope, once a day.

use super::{SECS_PER_DAY, TableBlock, push_tagged};
use crate::queue::Record;
use crate::storage::native::{Column, Dict, Fixed, Names, Text, block};
use crate::wire::otlp::view::{Malformed, ResourceView, ScopeView};

pub(super) struct Origins {
    tenant: Names,
    id: Fixed<8>,
    seen: Fixed<2>,
    service: Names,
    resource: Dict<Text>,
    resource_schema_url: Text,
    resource_dropped: Fixed<4>,
    scope_name: Text,
    scope_version: Text,
    scope: Dict<Text>,
    scope_schema_url: Text,
    scope_dropped: Fixed<4>,
}

impl Default for Origins {
    fn default() -> Self {
        Origins {
            tenant: Names::default(),
            id: Fixed::new("UInt64"),
            seen: Fixed::new("Date"),
            service: Names::default(),
            resource: Dict::default(),
            resource_schema_url: Text::default(),
            resource_dropped: Fixed::new("UInt32"),
            scope_name: Text::default(),
            scope_version: Text::default(),
            scope: Dict::default(),
            scope_schema_url: Text::default(),
            scope_dropped: Fixed::new("UInt32"),
        }
    }
}

impl Origins {
    pub fn rows(&self) -> usize {
        self.id.rows()
    }

    pub fn add(
        &mut self,
        record: &Record,
        id: u64,
        resource: &ResourceView<'_>,
        scope: &ScopeView<'_>,
        service: &str,
    ) -> Result<(), Malformed> {
        push_tagged(&mut self.resource, &resource.attributes)?;
        push_tagged(&mut self.scope, &scope.attributes)?;
        self.tenant.push(&record.tenant.0);
        self.id.push(id.to_le_bytes());
        self.seen.push(((record.received.as_secs() / u64::from(SECS_PER_DAY)) as u16).to_le_bytes());
        self.service.push(service);
        self.resource_schema_url.push(resource.schema_url);
        self.resource_dropped.push(resource.dropped_attributes.to_le_bytes());
        self.scope_name.push(scope.name);
        self.scope_version.push(scope.version);
        self.scope_schema_url.push(scope.schema_url);
        self.scope_dropped.push(scope.dropped_attributes.to_le_bytes());
        Ok(())
    }

    pub fn finish(mut self) -> TableBlock {
        let rows = self.id.rows();
        let (columns, body) = block(
            rows,
            vec![
                ("tenant", &mut self.tenant),
                ("id", &mut self.id),
                ("seen", &mut self.seen),
                ("service", &mut self.service),
                ("resource", &mut self.resource),
                ("resource_schema_url", &mut self.resource_schema_url),
                ("resource_dropped", &mut self.resource_dropped),
                ("scope_name", &mut self.scope_name),
                ("scope_version", &mut self.scope_version),
                ("scope", &mut self.scope),
                ("scope_schema_url", &mut self.scope_schema_url),
                ("scope_dropped", &mut self.scope_dropped),
            ],
        );
        TableBlock { table: "origins", columns, rows, body }
    }
}
