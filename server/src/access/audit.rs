//! The record of what cannot be undone: a line before the deed, completed after it. Lines are never removed.

use model::Scope;
use model::view::AuditLine;
use sqlx::Row;

use super::{Access, AccessError};

/// A line whose outcome is still open.
#[must_use = "a line without an outcome says that the process ended in between"]
pub struct Begun {
    id: String,
}

impl Access {
    pub async fn begin_audit(
        &self,
        scope: &Scope,
        actor: &str,
        action: &str,
        subject: &str,
        now: model::Timestamp,
    ) -> Result<Begun, AccessError> {
        let id = format!("{:032x}", rand::random::<u128>());
        let sql = "INSERT INTO audit (id, tenant, began_unix_ms, actor, action, subject, outcome, detail) \
                   VALUES ($1, $2, $3, $4, $5, $6, 'started', '')";
        let values = sqlx::query(sql)
            .bind(&id)
            .bind(&scope.tenant.0)
            .bind((now.0 / 1_000_000) as i64)
            .bind(actor)
            .bind(action)
            .bind(subject);
        values.execute(self.pool()).await.map_err(AccessError::Write)?;
        Ok(Begun { id })
    }

    pub async fn end_audit(&self, begun: Begun, is_done: bool, detail: &str) -> Result<(), AccessError> {
        let outcome = if is_done { "done" } else { "failed" };
        sqlx::query("UPDATE audit SET outcome = $1, detail = $2 WHERE id = $3")
            .bind(outcome)
            .bind(detail)
            .bind(&begun.id)
            .execute(self.pool())
            .await
            .map_err(AccessError::Write)?;
        Ok(())
    }

    /// The latest lines, newest first.
    pub async fn audit_lines(&self, scope: &Scope, limit: u32) -> Result<Vec<AuditLine>, AccessError> {
        let sql = "SELECT began_unix_ms, actor, action, subject, outcome, detail FROM audit \
                   WHERE tenant = $1 ORDER BY began_unix_ms DESC, id LIMIT $2";
        let rows = sqlx::query(sql)
            .bind(&scope.tenant.0)
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await
            .map_err(AccessError::Read)?;
        let line = |row: &sqlx::any::AnyRow| -> Result<AuditLine, sqlx::Error> {
            let began_ms: i64 = row.try_get(0)?;
            Ok(AuditLine {
                began: model::Timestamp(began_ms.max(0) as u64 * 1_000_000),
                actor: row.try_get(1)?,
                action: row.try_get(2)?,
                subject: row.try_get(3)?,
                outcome: row.try_get(4)?,
                detail: row.try_get(5)?,
            })
        };
        rows.iter().map(line).collect::<Result<_, _>>().map_err(AccessError::Read)
    }
}

#[cfg(test)]
mod tests {
    use model::{TenantId, Timestamp};

    use super::super::meta_url;
    use super::*;

    #[tokio::test]
    async fn a_line_stands_before_the_deed_and_is_completed_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::open(&meta_url(None, folder.path())).await.unwrap();
        let scope = access.scope_of(&TenantId::default()).await.unwrap();
        let begun =
            access.begin_audit(&scope, "ann", "delete_trace", "ab", Timestamp(5_000_000)).await.unwrap();
        let outcome = async || access.audit_lines(&scope, 10).await.unwrap()[0].outcome.clone();
        assert_eq!(outcome().await, "started");
        access.end_audit(begun, true, "3 spans").await.unwrap();
        assert_eq!(outcome().await, "done");
        let later =
            access.begin_audit(&scope, "ann", "delete_trace", "cd", Timestamp(6_000_000)).await.unwrap();
        access.end_audit(later, false, "away").await.unwrap();
        let lines = access.audit_lines(&scope, 10).await.unwrap();
        let said: Vec<_> = lines.iter().map(|l| (l.subject.as_str(), l.outcome.as_str())).collect();
        assert_eq!(said, [("cd", "failed"), ("ab", "done")]);
        let other = Scope { tenant: TenantId("skein".into()) };
        assert!(access.audit_lines(&other, 10).await.unwrap().is_empty());
    }
}
