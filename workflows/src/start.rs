//! What a workflow was started with, as far as it can be read.
//!
//! Guarantee: a start by hand with an input that does not parse ends at once, as failed, and says so. Decoded by the SDK it
//! would fail its workflow task for ever and, because one that runs is never started again, hold up the work whose id it took:
//! a payout, the windows' batch, the check of the books.

use serde::{Serialize, de::DeserializeOwned};
use temporalio_common::{
    data_converters::{
        GenericPayloadConverter, PayloadConversionError, SerializationContext, TemporalDeserializable,
        TemporalSerializable,
    },
    error::ApplicationFailure,
    protos::temporal::api::common::v1::Payload,
};
use temporalio_workflow::WorkflowTermination;

/// `None`: the input cannot be read. On the wire it is the input itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started<T>(pub Option<T>);

impl<T> From<T> for Started<T> {
    fn from(input: T) -> Self {
        Self(Some(input))
    }
}

impl<T: Serialize + Send + 'static> TemporalSerializable for Started<T> {
    fn to_payload(&self, context: &SerializationContext<'_>) -> Result<Payload, PayloadConversionError> {
        context.converter.to_payload(context, &self.0)
    }
}

impl<T: DeserializeOwned + Send + 'static> TemporalDeserializable for Started<T> {
    fn from_payloads(
        context: &SerializationContext<'_>,
        payloads: Vec<Payload>,
    ) -> Result<Self, PayloadConversionError> {
        Ok(Self(context.converter.from_payloads::<T>(context, payloads).ok()))
    }
}

/// Ends a run whose input cannot be read.
pub(crate) fn unreadable(why: &'static str) -> WorkflowTermination {
    WorkflowTermination::failed_application(ApplicationFailure::new(why))
}

#[cfg(test)]
mod tests {
    use domain::{BatchId, Currency, PayoutId, ProviderId};
    use temporalio_common::data_converters::{PayloadConverter, SerializationContextData};

    use super::*;
    use crate::{BatchInput, Memory, PayoutInput};

    fn reads_an_input_and_survives_anything_else<T>(input: T)
    where
        T: Serialize + DeserializeOwned + Send + Clone + PartialEq + std::fmt::Debug + 'static,
    {
        let converter = PayloadConverter::default();
        let context = SerializationContext::new(&SerializationContextData::None, &converter);
        let read = |payloads| converter.from_payloads::<Started<T>>(&context, payloads).unwrap().0;

        let sent = converter.to_payloads(&context, &input).unwrap();
        let wrapped = converter.to_payloads(&context, &Started(Some(input.clone()))).unwrap();
        assert_eq!(wrapped, sent);
        assert_eq!(read(sent), Some(input));

        assert_eq!(read(vec![]), None);
        assert_eq!(read(vec![Payload::default()]), None);
        assert_eq!(read(vec![Payload::default(), Payload::default()]), None);
        assert_eq!(read(converter.to_payloads(&context, &"junk".to_owned()).unwrap()), None);
    }

    #[test]
    fn a_payouts_start_is_read_or_not() {
        reads_an_input_and_survives_anything_else(PayoutInput {
            payout: PayoutId::mint(),
            provider: ProviderId::mint(),
            amount_minor: 1,
            currency: Currency::Ngn,
            memory: Memory::default(),
        });
    }

    #[test]
    fn a_batchs_start_is_read_or_not() {
        reads_an_input_and_survives_anything_else(BatchInput { batch: Some(BatchId::mint()), open: false });
    }
}
